import fc from 'fast-check';
import { duplicateKeyAt, pathAt } from './json-path';
import { scan } from './scan';

const accepts = (text: string | Buffer): boolean => scan(Buffer.from(text as string)).fault === null;

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const membersOf = (value: unknown): number =>
  typeof value !== 'object' || value === null
    ? 0
    : Object.values(value).reduce<number>(
        (sum, v) => sum + membersOf(v),
        Array.isArray(value) ? 0 : Object.keys(value).length,
      );

/** Doubles whose text is within range by construction; JSON.parse reads 1e999 as Infinity, which the scanner refuses. */
const overflows = (text: string): boolean => /\d{200}|[eE][+-]?\d{3}/.test(text);

describe('Scanner', () => {
  it('accepts what JSON.parse accepts, and counts its members', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }),
        fc.constantFrom('', ' ', '\n  ', '\t'),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          const found = scan(Buffer.from(text));
          expect(found.fault).toBeNull();
          expect(found.members).toBe(membersOf(JSON.parse(text)));
          expect(found.lineBreaks).toBe(text.includes('\n'));
          expect(found.ascii).toBe(/^[\0-\x7f]*$/.test(text));
        },
      ),
    );
  });

  it('refuses what JSON.parse refuses: damaged texts', () => {
    const damage = fc.tuple(
      fc.nat(),
      fc.constantFrom('', '"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', '.', 'e', 'u', 't', '\n', '\u0001', ' '),
    );
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (value, edits, cut) => {
          let text = JSON.stringify(value);
          for (const [at, put] of edits) {
            const i = at % (text.length + 1);
            text = cut ? text.slice(0, i) + put + text.slice(i + 1) : text.slice(0, i) + put + text.slice(i);
          }
          if (!overflows(text)) expect([text, accepts(text)]).toEqual([text, parses(text)]);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('knows the grammar of numbers and escapes', () => {
    const soup = (alphabet: string): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom(...alphabet), { maxLength: 8 }).map((c) => c.join(''));
    fc.assert(
      fc.property(soup('01 9-+.eE'), (text) => {
        if (!overflows(text)) expect([text, accepts(text)]).toEqual([text, parses(text)]);
      }),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(soup('\\"/bfnrtudD8c0aA'), (s) => expect([s, accepts(`"${s}"`)]).toEqual([s, parses(`"${s}"`)])),
      { numRuns: 3_000 },
    );
  });

  it('gives spans of the outermost members, in document order', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (object) => {
        const bytes = Buffer.from(JSON.stringify(object, null, 1));
        const { top } = scan(bytes);
        const read = top.map(({ name, start, end }) => [name, JSON.parse(bytes.toString('utf8', start, end))]);
        expect(read).toEqual(Object.entries(JSON.parse(bytes.toString())));
      }),
    );
  });

  it('scans a part of a larger buffer and nothing beyond it', () => {
    const bytes = Buffer.from('xx{"a":[1,2]}yy');
    expect(scan(bytes, 2, 13)).toMatchObject({ fault: null, members: 1 });
    expect(scan(bytes, 2, 12)).toMatchObject({ fault: 'syntax', faultAt: 12 });
    expect(scan(bytes, 2, 14)).toMatchObject({ fault: 'syntax', faultAt: 13 });
    expect(scan(Buffer.from('truely'), 0, 3).fault).toBe('syntax');
    expect(scan(Buffer.from('"abc"'), 0, 4).fault).toBe('syntax');
  });

  it('grows with the number of members', () => {
    const bytes = Buffer.from(
      JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, n]))),
    );
    expect(scan(bytes).top).toHaveLength(5_000);
    expect(scan(bytes).top[4_999]).toMatchObject({ name: 'k4999' });
  });

  it.each([
    ['1234567890123456', true],
    ['-9007199254740993', true],
    ['123456789012345', false],
    ['0.12345678901234567890', false],
    ['1e30', false],
  ])('notes integers that a double may not hold: %s', (text, long) => {
    expect(scan(Buffer.from(`[${text}]`)).longIntegers).toBe(long);
  });

  it.each(['NaN', 'Infinity', '-Infinity', '1e999', '-1e309', `1${'0'.repeat(309)}`, `${'9'.repeat(309)}.5`])(
    'stops at numbers that are none: %s',
    (text) => expect(scan(Buffer.from(`{"a":${text.slice(0, 400)}}`))).toMatchObject({ fault: 'number', faultAt: 5 }),
  );

  it('lets the largest double and numbers that vanish pass', () => {
    for (const text of ['1.7976931348623157e308', '1e-999', `0.${'0'.repeat(400)}1`, `1${'0'.repeat(308)}`])
      expect(accepts(text)).toBe(true);
  });

  it('stops at the 65th level and not before', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(scan(Buffer.from(nested(64)))).toMatchObject({ fault: null, depth: 64 });
    expect(scan(Buffer.from(nested(65)))).toMatchObject({ fault: 'depth', faultAt: 64 });
    expect(scan(Buffer.from('{"a":'.repeat(100_000))).fault).toBe('depth');
  });

  it.each([
    ['"\\ud800"', 1],
    ['"x\\udc00"', 2],
    ['"\\ud83d\\u0041"', 1],
    ['"\\ud83d\\ude02"', -1],
    ['"\\\\ud800"', -1],
    ['{"\\uD800":1}', 2],
    ['"\\ud800\\ud800\\udc00"', 1],
  ])('finds half surrogate pairs: %s', (text, at) => expect(scan(Buffer.from(text)).loneSurrogateAt).toBe(at));

  it.each([
    ['{"a":{"__proto__":1}}', 6],
    ['{"\\u005f_proto__":1}', 1],
    ['{"a":"__proto__"}', -1],
    ['{"__proto_":1,"__prot0__":2}', -1],
  ])('finds __proto__ as a name: %s', (text, at) => expect(scan(Buffer.from(text)).protoKeyAt).toBe(at));
});

describe('JSON paths', () => {
  it.each([
    ['{"a":{"b":[0,{"c":NaN}]}}', '$.a.b[1].c'],
    ['[1,[2,NaN]]', '$[1][1]'],
    ['{"a":1,"odd name":NaN}', "$['odd name']"],
    ['{"it\'s":NaN}', "$['it\\'s']"],
    ['{"\\u0000":NaN}', "$['\\u0000']"],
    ['NaN', '$'],
    ['{"x":[{},[],NaN]}', '$.x[2]'],
    ['{"x":{"\\event":1}}', '$.x'],
    ['{"x":{"unfinis', '$.x'],
  ])('name the place of a fault in %s', (text, path) => {
    const bytes = Buffer.from(text);
    expect(pathAt(bytes, 0, scan(bytes).faultAt)).toBe(path);
  });

  it('are cut where a key is as long as the item', () => {
    const bytes = Buffer.from(`{"${'x'.repeat(100_000)}":NaN}`);
    expect(pathAt(bytes, 0, scan(bytes).faultAt).length).toBeLessThan(600);
  });

  it.each([
    ['{"a":1,"b":{"c":1,"c":2}}', '$.b.c'],
    ['{"a":1,"\\u0061":2}', '$.a'],
    ['[{"a":1},{"a":1,"x":[],"a":2}]', '$[1].a'],
  ])('name a repeated member of %s', (text, path) => {
    const bytes = Buffer.from(text);
    expect(pathAt(bytes, 0, duplicateKeyAt(bytes, 0, bytes.length))).toBe(path);
  });

  it('find no repeated member in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const bytes = Buffer.from(JSON.stringify(value));
        expect(duplicateKeyAt(bytes, 0, bytes.length)).toBe(-1);
      }),
    );
  });
});
