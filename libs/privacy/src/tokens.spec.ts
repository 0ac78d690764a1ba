import { systemRandom } from '@millrace/observability';
import fc from 'fast-check';
import { open, seal, SEAL_OVERHEAD_BYTES } from './cipher';
import { parseToken, reverse, reversibleToken, token, tokenKey } from './tokens';

const a = tokenKey('1', Buffer.alloc(32, 1));
const b = tokenKey('2', Buffer.alloc(32, 2));
const values = fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 20 });

it('tokens keep joins and distinct counts, and hide what they stand for', () => {
  fc.assert(
    fc.property(values, (some) => {
      for (const make of [token, reversibleToken]) {
        const tokens = some.map((value) => make(a, value));
        expect(new Set(tokens).size).toBe(some.length);
        expect(some.map((value) => make(a, value))).toEqual(tokens);
        expect(some.map((value) => make(b, value)).filter((other) => tokens.includes(other))).toEqual([]);
      }
    }),
  );
});

it('reversible ones give their value to whoever holds the key, and to nobody else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const made = reversibleToken(a, value);
      expect(reverse(a, made)).toBe(value);
      expect(() => reverse(b, made)).toThrow('another key');
    }),
  );
  expect(() => reverse(a, token(a, 'x'))).toThrow('no reversible token');
  const made = reversibleToken(a, 'someone@example.org');
  const changed = made.slice(0, -1) + (made.endsWith('A') ? 'B' : 'A');
  expect(() => reverse(a, changed)).toThrow();
});

it('tokens name their key and kind', () => {
  expect(parseToken(token(a, 'x'))).toEqual({ keyId: '1', reversible: false });
  expect(parseToken(reversibleToken(b, 'x'))).toEqual({ keyId: '2', reversible: true });
  for (const text of ['', 'tok_', 'tok_1_short', 'someone@example.org']) expect(parseToken(text)).toBeNull();
});

it('has the digits of HMAC-SHA-256 (RFC 4231, test case 1)', () => {
  const key = { ...a, mac: Buffer.alloc(20, 0x0b) };
  const digest = Buffer.from('b0344c61d8db38535ca8afceaf0bf12b', 'hex').toString('base64url');
  expect(token(key, 'Hi There')).toMatch(new RegExp(`^tok_1_${digest.slice(0, 21)}`));
});

it('sealed bytes open under their key and about the same thing, unchanged, and only then', () => {
  const key = Buffer.alloc(32, 3);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, at) => {
      const plain = Buffer.from(bytes);
      const sealed = seal(key, plain, 'x', systemRandom);
      expect(sealed.length).toBe(plain.length + SEAL_OVERHEAD_BYTES);
      expect(open(key, sealed, 'x')).toEqual(plain);
      expect(() => open(key, sealed, 'y')).toThrow();
      expect(() => open(Buffer.alloc(32), sealed, 'x')).toThrow();
      const changed = Buffer.from(sealed);
      changed[at % changed.length] ^= 1;
      expect(() => open(key, changed, 'x')).toThrow();
      expect(() => open(key, sealed.subarray(0, sealed.length - 1), 'x')).toThrow();
    }),
  );
});

it('two seals of one text share nothing', () => {
  const [one, other] = [0, 1].map(() => seal(Buffer.alloc(32), Buffer.alloc(64), 'x', systemRandom));
  expect(one.subarray(1).equals(other.subarray(1))).toBe(false);
});
