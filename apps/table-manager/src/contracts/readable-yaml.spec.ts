import { ContractError } from '@millrace/contracts';
import { assertReadable } from './readable-yaml';

const HEAD = 'name: bad\nversion: 1.0.0\n';
const field = (i: number): string => `{ name: f${i}, logicalType: string }`;
const fields = (count: number): string => Array.from({ length: count }, (_, i) => field(i)).join(', ');

function problem(text: string): { path: string; rule: string } | null {
  try {
    assertReadable(text);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ContractError);
    return (error as ContractError).problems[0];
  }
}

test.each([
  ['on one line', `${HEAD}schema: [{ name: bad, properties: [${fields(10_000)}] }]`, 'schema[0].properties'],
  [
    'one on each',
    `${HEAD}schema:\n  - name: bad\n    properties:\n${Array.from({ length: 10_000 }, (_, i) => `      - ${field(i)}`).join('\n')}`,
    'schema[0].properties',
  ],
  ['in a mapping', `${HEAD}x: {${Array.from({ length: 60_000 }, (_, i) => `'k${i}': "1"`).join(', ')}}`, 'x'],
  ['of the document itself', Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n'), ''],
])('more than any contract has, %s, is refused before it is parsed, with its place', (_where, text, path) => {
  expect(problem(text)).toEqual({ path, rule: expect.stringContaining('30000 keys and values at most') });
});

test('a contract of a thousand fields is read, and so is what is long and no more', () => {
  expect(problem(`${HEAD}schema: [{ name: good, properties: [${fields(1_000)}] }]`)).toBeNull();
  expect(problem(`${HEAD}# ${'- [ '.repeat(100_000)}\nx: "${"'".repeat(100_000)}"`)).toBeNull();
  expect(problem('')).toBeNull();
});

test.each(['['.repeat(101), '{a: '.repeat(101), '- '.repeat(101)])(
  'what nests too deep on one line is refused',
  (text) => {
    expect(problem(text)?.rule).toContain('deep at most');
  },
);
