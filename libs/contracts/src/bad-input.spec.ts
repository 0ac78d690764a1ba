import { ContractError, type ContractProblem, loadContract } from './index';

const HEAD = `apiVersion: v3.1.0
kind: DataContract
id: x
name: bad
version: 1.0.0
status: active
customProperties: [{ property: eventTypes, value: [bad] }]
`;

function problemsOf(text: string): readonly ContractProblem[] {
  try {
    loadContract(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ContractError);
    return (error as ContractError).problems;
  }
  return [];
}

const schema = (properties: string): string => `${HEAD}schema: [{ name: bad, properties: ${properties} }]\n`;
const fields = (count: number): string =>
  `[${Array.from({ length: count }, (_, i) => `{ name: f${i}, logicalType: string }`).join(', ')}]`;
const nested = (depth: number): string =>
  '[{ name: a, logicalType: object, properties: '.repeat(depth) + '[]' + '}]'.repeat(depth);

const OPTION = '[{ name: a, logicalType: integer, logicalTypeOptions: { minimun: 1 } }]';

/** Each alias unfolds to nine of the one before: 9^12 in all. */
const bomb = [
  'a0: &a0 [lol]',
  ...Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`),
].join('\n');

it.each<[string, string, string, string]>([
  ['10,000 fields', schema(fields(10_000)), 'schema[0].properties', 'lists 10000 fields; 1000 at most'],
  ['objects a hundred deep', schema(nested(100)), 'properties[0].properties', 'levels deep'],
  ['lists ten thousand deep', `${HEAD}schema: ${'['.repeat(10_000)}${']'.repeat(10_000)}`, '', 'is not YAML'],
  ['a bomb of aliases', `${HEAD}${bomb}`, '', 'alias'],
  ['an alias of itself', `${HEAD}schema: &s [*s]`, 'schema[0]', 'contains itself'],
  ['an alias of what it is in', `${HEAD}tags: [&t { a: [{ b: *t }] }]`, 'tags[0].a[0].b', 'contains itself'],
  ['an option of another type', schema(OPTION), 'properties[0].logicalTypeOptions.minimun', 'options of an integer'],
  ['an unknown key', `${HEAD}fields: []`, 'fields', 'is not a key of a contract in ODCS 3.1'],
  [
    'an invalid pattern',
    schema("[{ name: a, logicalType: string, logicalTypeOptions: { pattern: '[' } }]"),
    'schema[0].properties[0].logicalTypeOptions.pattern',
    'is no regular expression',
  ],
  [
    'a pattern that looks ahead',
    schema("[{ name: a, logicalType: string, logicalTypeOptions: { pattern: '(?=a)a' } }]"),
    'schema[0].properties[0].logicalTypeOptions.pattern',
    'linear time',
  ],
  [
    'a pattern of a million states',
    schema("[{ name: a, logicalType: string, logicalTypeOptions: { pattern: '((a{1,99}){1,99}){1,99}' } }]"),
    'schema[0].properties[0].logicalTypeOptions.pattern',
    'cannot be compiled',
  ],
  ['two megabytes', `${HEAD}${'# '.repeat(1024 * 1024)}`, '', 'bytes at most'],
])('%s are refused, naming the place', (_, text, path, rule) => {
  const before = process.memoryUsage().heapUsed;
  const problems = problemsOf(text);
  expect(problems.some((problem) => problem.path.includes(path) && problem.rule.includes(rule))).toBe(true);
  // A bomb that went off would be counted in gigabytes.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(512 * 1024 * 1024);
});

it.each([
  ['nothing', '', 'is empty'],
  ['a list', '- 1', 'must be a mapping, not a list'],
  ['a text', 'hello', 'must be a mapping, not a string'],
])('of %s in place of a contract that is said, and nothing else', (_, text, rule) => {
  expect(problemsOf(text)).toEqual([{ path: '', rule: expect.stringContaining(rule) }]);
});

it('fields that are too many are not said to be missing, too', () => {
  expect(problemsOf(schema(fields(1_001))).map(({ rule }) => rule)).not.toContain('must list at least one field');
});
