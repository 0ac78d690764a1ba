import fc from 'fast-check';
import type { CapturedRequest } from '../capture/http';
import { idempotencyKeyOf, requestHash } from './key';

const request = (more: Partial<CapturedRequest> = {}): CapturedRequest => ({
  headers: { 'content-type': 'application/json' },
  query: {},
  params: {},
  body: Buffer.from('{}'),
  tenant: 'default',
  ...more,
});
const withKey = (key: string) => request({ headers: { 'idempotency-key': key } });

it('takes bare and quoted keys for the same, and leaves a request without one alone', () => {
  expect(idempotencyKeyOf(request())).toBeUndefined();
  expect(idempotencyKeyOf(withKey('8e03978e-40d5'))).toBe('8e03978e-40d5');
  expect(idempotencyKeyOf(withKey('"8e03978e-40d5"'))).toBe('8e03978e-40d5');
  expect(idempotencyKeyOf(withKey('"a \\"b\\" \\\\"'))).toBe('a "b" \\');
});

it('any text either is a key of 1-255 characters or is refused with 400', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      try {
        const key = idempotencyKeyOf(withKey(text)) as string;
        expect(key.length).toBeGreaterThan(0);
        expect(key.length).toBeLessThanOrEqual(255);
        expect(key).toMatch(/^[ -~]+$/);
      } catch (error) {
        expect(error).toMatchObject({ name: 'ProblemException', status: 400 });
      }
    }),
  );
});

it('the hash is of what a request says: neither order nor other headers change it, anything else does', () => {
  const base = request({
    headers: { 'content-type': 'a/b', 'ce-id': '1', 'x-request-id': 'r' },
    query: { a: '1', b: '2' },
  });
  const same = request({
    headers: { 'ce-id': '1', 'content-type': 'a/b', 'user-agent': 'u' },
    query: { b: '2', a: '1' },
  });
  expect(requestHash(same)).toEqual(requestHash(base));
  const others = [
    { ...base, body: Buffer.from('{ }') },
    { ...base, headers: { ...base.headers, 'ce-id': '2' } },
    { ...base, headers: { ...base.headers, 'content-type': 'a/c' } },
    { ...base, query: { a: '12', b: '' } },
    { ...base, query: { a: '1' } },
    { ...base, query: { a: ['1', '2'], b: '2' } },
  ];
  const hashes = [base, ...others].map((each) => requestHash(each).toString('hex'));
  expect(new Set(hashes).size).toBe(hashes.length);
});
