import fc from 'fast-check';
import { ProblemException } from '../problem/problem';
import { DEPTH_MAX, parseStrictJson } from './strict-json';

function refused(text: string | Buffer): { path: string; rule: string } | undefined {
  try {
    parseStrictJson(Buffer.from(text));
    return undefined;
  } catch (error) {
    if (!(error instanceof ProblemException)) throw error;
    const [{ path, rule }] = error.problem.errors ?? [];
    return { path, rule };
  }
}

describe('strict JSON', () => {
  it('gives what JSON.parse gives for every value that survives it unchanged', () => {
    const value = fc.jsonValue().map((v) => JSON.stringify(v));
    fc.assert(
      fc.property(value, fc.constantFrom('', ' ', '\n\t'), (text, space) => {
        const spaced = space + text + space;
        const parsed = JSON.parse(text) as unknown;
        const rule = refused(spaced)?.rule;
        // fast-check likes to try what we refuse on purpose.
        if (rule !== undefined)
          expect(['nul', 'surrogate', 'prototype-poisoning', 'integer-precision']).toContain(rule);
        else expect(parseStrictJson(Buffer.from(spaced))).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', '$.a', 'duplicate-member'],
    ['{"a":1,"\\u0061":2}', '$.a', 'duplicate-member'],
    ['{"x":[0,{"a":{},"b":1,"a":[]}]}', '$.x[1].a', 'duplicate-member'],
    ['{"a":{"__proto__":1}}', '$.a.__proto__', 'prototype-poisoning'],
    ['{"\\u005f_proto__":1}', '$.__proto__', 'prototype-poisoning'],
    ['[{"constructor":{"prototype":1}}]', '$[0].constructor.prototype', 'prototype-poisoning'],
    ['{"a":[1,12345678901234567890]}', '$.a[1]', 'integer-precision'],
    ['-9007199254740993', '$', 'integer-precision'],
    ['{"a":1e999}', '$.a', 'number-range'],
    ['{"a b":"x\\u0000"}', '$["a b"]', 'nul'],
    ['{"a":"\\ud800"}', '$.a', 'surrogate'],
    ['{"\\udc00":1}', '$["\\udc00"]', 'surrogate'],
    ['', '$', 'json'],
    ['{"a":1}}', '$', 'json'],
    ["{'a':1}", '$', 'json'],
  ])('refuses %s at %s for %s', (text, path, rule) => {
    expect(refused(text)).toEqual({ path, rule });
  });

  it.each([
    '{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}',
    '{"prototype":1,"constructor":"x"}',
    '{"constructor":[{"prototype":1}]}',
    '9007199254740991',
    '0.12345678901234567890',
    '"\\ud83d\\ude00 \\" \\\\ [{,"',
    '"[[[[{{{{"',
    'null',
  ])('accepts %s', (text) => {
    expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it(`refuses nesting beyond ${DEPTH_MAX} levels, however deep`, () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(refused(nested(DEPTH_MAX))).toBeUndefined();
    expect(refused(nested(DEPTH_MAX + 1))?.rule).toBe('depth');
    expect(refused(nested(500_000))?.rule).toBe('depth');
    expect(refused('{"a":'.repeat(65) + '1' + '}'.repeat(65))?.rule).toBe('depth');
  });

  it('refuses bytes that are not UTF-8, and shows nothing of a broken body', () => {
    expect(refused(Buffer.from([0x22, 0xff, 0x22]))?.rule).toBe('utf-8');
    expect(() => parseStrictJson(Buffer.from('{"password":hunter2}'))).toThrow(/^(?!.*hunter2)/);
  });
});
