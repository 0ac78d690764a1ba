import { compile } from '../compile';
import { loadContract } from '../load-contract';
import { checkCompatibility } from './contracts';

const contract = (version: string, ...rules: string[]) =>
  loadContract(`
apiVersion: v3.1.0
kind: DataContract
id: trips
name: trips
version: ${version}
status: active
schema:
  - name: trips
    properties:
      - { name: id, logicalType: string, required: true }
      - { name: began, logicalType: timestamp }
      - { name: ended, logicalType: timestamp }
      - { name: miles, logicalType: number, logicalTypeOptions: { minimum: 0 } }
      - name: place
        logicalType: object
        properties: [{ name: code, logicalType: string, required: true }, { name: rank, logicalType: integer }]
customProperties:
  - { property: eventTypes, value: [trip] }
  - { property: rules, value: [${rules.join(', ')}] }
`);
const ORDER = "{ id: order, left: $.payload.ended, is: '>=', right: $.payload.began }";
const rule = (left: string, is: string, value: unknown): string =>
  `{ id: bound, left: $.payload.${left}, is: '${is}', value: ${JSON.stringify(value)} }`;

/** What the proposed version is told of, each with a payload that shows it. */
function findings(mode: 'BACKWARD' | 'FORWARD', proposed: string[], previous: string[]) {
  const versions = { proposed: contract('2.0.0', ...proposed), previous: contract('1.0.0', ...previous) };
  const verdict = checkCompatibility({ mode, proposed: versions.proposed, previous: [versions.previous] });
  const [writer, reader] =
    mode === 'BACKWARD' ? [versions.previous, versions.proposed] : [versions.proposed, versions.previous];
  for (const { counterExample } of verdict.against[0].findings) {
    expect(compile(writer).validate(counterExample?.value)).toEqual([]);
    expect(compile(reader).validate(counterExample?.value)).toMatchObject([{ reason: 'contradiction' }]);
  }
  expect(verdict.compatible).toBe(verdict.against[0].findings.length === 0);
  return verdict.against[0].findings;
}

it('tells of a rule that is added, in words and with an event', () => {
  expect(findings('BACKWARD', [ORDER], [])).toEqual([
    {
      ...{ path: '$.payload.ended', rule: 'keyword', breaks: 'backward' },
      message:
        'A producer of version 1.0.0 may send events in which ended is not >= began; version 2.0.0 sets them aside ' +
        '(rule order). New readers would refuse events that were sent under version 1.0.0.',
      suggestion: 'Give the rule order the severity warning, so that it is counted and refuses nothing.',
      counterExample: { value: expect.objectContaining({ ended: expect.any(String), began: expect.any(String) }) },
    },
  ]);
  expect(findings('FORWARD', [ORDER], [])).toEqual([]);
  expect(findings('FORWARD', [], [ORDER])).toHaveLength(1);
});

it.each([
  ['made stricter', [rule('miles', '<', 100)], [rule('miles', '<', 200)]],
  ['made strict', [rule('miles', '<', 100)], [rule('miles', '<=', 100)]],
  ['turned round', [rule('miles', '>', 100)], [rule('miles', '<', 100)]],
  ['of a field within another', [rule('place.rank', '<', 3)], []],
  ['of a text', [rule('place.code', '<>', 'NOWHERE')], [rule('place.code', '<>', 'ELSEWHERE')]],
  ['of a time', [rule('began', '>', '2026-06-01T00:00:00Z')], [rule('began', '>', '2026-05-01T00:00:00Z')]],
])('tells of a rule that is %s', (_what, proposed, previous) => {
  expect(findings('BACKWARD', proposed, previous)).toMatchObject([{ rule: 'keyword' }]);
});

it.each([
  ['a warning', [ORDER.replace(' }', ', severity: warning }')], []],
  ['the same rule under another name', [ORDER.replace('id: order', 'id: other')], [ORDER]],
  [
    'the same rule the other way round',
    ["{ id: a, left: $.payload.began, is: '<=', right: $.payload.ended }"],
    [ORDER],
  ],
  ['a looser rule', [rule('miles', '<=', 200)], [rule('miles', '<', 100)]],
  ['a rule that follows', [rule('miles', '<>', 5)], [rule('miles', '=', 7)]],
  ['a rule less', [], [ORDER]],
])('takes %s', (_what, proposed, previous) => {
  expect(findings('BACKWARD', proposed, previous)).toEqual([]);
});

it('takes a rule about a field that the earlier version does not list', () => {
  const verdict = checkCompatibility({
    mode: 'BACKWARD',
    proposed: contract('2.0.0', ORDER),
    previous: [
      { ...contract('1.0.0'), properties: contract('1.0.0').properties.filter(({ name }) => name !== 'began') },
    ],
  });
  expect(verdict.compatible).toBe(true);
});
