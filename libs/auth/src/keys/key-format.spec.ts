import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { KEY_CHARS, keyIdOf, mintKey } from './key-format';

const random = { bytes: (count: number) => randomBytes(count) };
const SCANNED = /mlr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}/;

it('a key has its id in it, and the form that scanners look for', () => {
  for (let i = 0; i < 200; i++) {
    const { id, key } = mintKey(random);
    expect(key).toHaveLength(KEY_CHARS);
    expect(key).toMatch(new RegExp(`^${SCANNED.source}$`));
    expect(keyIdOf(key)).toBe(id);
  }
});

it('a key with any one character changed is none', () => {
  const { key } = mintKey(random);
  const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-. ';
  fc.assert(
    fc.property(fc.nat(KEY_CHARS - 1), fc.constantFrom(...characters), (at, character) => {
      fc.pre(key[at] !== character);
      expect(keyIdOf(key.slice(0, at) + character + key.slice(at + 1))).toBeNull();
    }),
  );
});

it('takes any text, and long ones at once', () => {
  fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => expect(keyIdOf(text)).toBeNull()));
  expect(keyIdOf(`mlr_${'a'.repeat(10_000_000)}`)).toBeNull();
});

it('every character of the alphabet is as likely as any other', () => {
  const counts = new Map<string, number>();
  const keys = 4_000;
  for (let i = 0; i < keys; i++) {
    for (const character of mintKey(random).key.slice(17, 49)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const expected = (keys * 32) / 62;
  expect(counts.size).toBe(62);
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 61 degrees of freedom: beyond 120 in one run of 100,000. Bytes taken modulo 62 would be at some 4,000.
  expect(chiSquare).toBeLessThan(120);
});

it('keys are not made from fewer random bytes than they have characters', () => {
  let drawn = 0;
  mintKey({ bytes: (count) => ((drawn += count), randomBytes(count)) });
  expect(drawn).toBeGreaterThanOrEqual(44);
});
