import fc from 'fast-check';
import { canonicalize } from './canonical';
import { fingerprint } from './fingerprint';
import { parseLossless } from './lossless';

function shuffled(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((v) => shuffled(v, random));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([k, v]) => [k, shuffled(v, random), random()] as const);
  return Object.fromEntries(entries.sort((x, y) => x[2] - y[2]).map(([k, v]) => [k, v]));
}

describe('fingerprint', () => {
  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 5 }),
        fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
        (value, order) => {
          let n = 0;
          expect(fingerprint(shuffled(value, () => order[n++ % order.length]))).toBe(fingerprint(value));
        },
      ),
    );
  });

  it('is equal exactly where the canonical forms are', () => {
    const value = fc.jsonValue({ maxDepth: 3, stringUnit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(value, value, (x, y) => {
        expect(fingerprint(x) === fingerprint(y)).toBe(canonicalize(x) === canonicalize(y));
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['{"a":1,"b":2}', '{"a":2,"b":1}'],
    ['{"a":{"b":1}}', '{"b":{"a":1}}'],
    ['[1,2]', '[2,1]'],
    ['[[1],2]', '[1,[2]]'],
    ['[]', '{}'],
    ['null', '""'],
    ['"1"', '1'],
    ['true', '"true"'],
    ['{"a":null}', '{}'],
    ['{"n":9007199254740993}', '{"n":9007199254740992}'],
    ['{"a":"x","b":"y"}', '{"a":"y","b":"x"}'],
  ])('tells %s from %s', (x, y) => expect(fingerprint(parseLossless(x))).not.toBe(fingerprint(parseLossless(y))));

  it.each([
    ['{"a":529,"b":"s"}', '{ "\\u0062":"\\u0073","a":529.0 }'],
    ['0', '-0'],
    ['1e2', '100'],
  ])('does not tell %s from %s', (x, y) => expect(fingerprint(JSON.parse(x))).toBe(fingerprint(JSON.parse(y))));

  it('is 16 hex digits, and spreads', () => {
    const seen = new Set<string>();
    for (let n = 0; n < 200_000; n++) seen.add(fingerprint({ id: `s-${n}`, n }));
    expect(seen.size).toBe(200_000);
    for (const f of [...seen].slice(0, 1_000)) expect(f).toMatch(/^[0-9a-f]{16}$/);
  });
});
