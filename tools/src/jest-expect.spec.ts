import { stripVTControlCharacters } from 'node:util';

/** What a failing assertion says: its message, and the line that is shown as its place. */
function failureOf(assert: () => void): { message: string; place: string } {
  try {
    assert();
  } catch (error) {
    const { message, stack = '' } = error as Error;
    return { message, place: stack.split('\n').find((line) => /^\s+at /.test(line)) ?? '' };
  }
  throw new Error('it holds');
}

const plain = stripVTControlCharacters;

test.each([
  ['toBe', 1, 2],
  ['toBe', 0, -0],
  ['toBe', 'a', 'b'],
  ['toEqual', 1, '1'],
  ['toEqual', { a: [1] }, { a: [2] }],
  ['toBeGreaterThan', 1, 1],
  ['toBeGreaterThanOrEqual', 1, 2],
  ['toBeLessThan', NaN, 1],
  ['toBeLessThanOrEqual', 2n, 1n],
] as const)('%s(%p, %p) does not hold, and says so of the line of the test', (matcher, actual, expected) => {
  const assert = (): void => (expect(actual) as unknown as Record<string, (value: unknown) => void>)[matcher](expected);
  const { message, place } = failureOf(assert);
  expect(plain(message)).toMatch(new RegExp(`^expect\\(received\\)\\.${matcher}\\(expected\\)`));
  expect(place).toContain('jest-expect.spec.ts');
});

test('values that cannot be compared are refused as they are by Jest', () => {
  const compare = (): void => expect('b' as never).toBeGreaterThan('a' as never);
  expect(plain(failureOf(compare).message)).toContain('received value must be a number or bigint');
  expect(plain(failureOf(() => (expect as (...all: unknown[]) => unknown)(1, 2)).message)).toContain('one argument');
});

test('what holds holds, counts, and is nothing of Jest’s when it is left to it', async () => {
  expect.assertions(12);
  expect(NaN).toBe(NaN);
  expect(2n).toBeGreaterThan(1n);
  expect(1).toBeLessThanOrEqual(1);
  expect('a').toEqual('a');
  expect({ a: [1], b: undefined }).toEqual({ a: [expect.any(Number)] });
  expect(1).not.toBe(2);
  expect(() => expect(1).not.toBe(1)).toThrow(/not\.toBe/);
  await expect(Promise.resolve(3)).resolves.toBe(3);
  await expect(Promise.reject(new Error('no'))).rejects.toThrow('no');
  expect([1, 2]).toEqual(expect.arrayContaining([2]));
  expect({ a: 1 }).toMatchObject({ a: expect.not.stringContaining('b') });
});

test('matchers of one’s own are found', () => {
  expect.extend({ toBeOdd: (value: number) => ({ pass: value % 2 === 1, message: () => `${value} is even` }) });
  const odd = (value: number): void => (expect(value) as never as { toBeOdd(): void }).toBeOdd();
  odd(3);
  expect(failureOf(() => odd(4)).message).toBe('4 is even');
});
