import { checkCompatibility } from './compatibility';
import { ContractError, type ContractProblem, loadContract, type Retention, retentionCutOff } from './index';
import { contractPage } from './outputs';

const contract = (sla: readonly unknown[], more: object = {}, version = '1.0.0') =>
  loadContract(
    JSON.stringify({
      ...{ apiVersion: 'v3.1.0', kind: 'DataContract', id: 'o', name: 'orders', version, status: 'active' },
      schema: [
        {
          ...{ name: 'order', physicalName: 'orders' },
          properties: [
            { name: 'total', logicalType: 'number' },
            { name: 'placed', logicalType: 'object', properties: [{ name: 'at', logicalType: 'timestamp' }] },
          ],
        },
      ],
      customProperties: [
        { property: 'eventTypes', value: ['order'] },
        { property: 'eventTime', value: '$.payload.placed.at' },
      ],
      slaProperties: sla,
      ...more,
    }),
  );
const retention = (fields: object, more: object = {}): Retention | null | undefined =>
  contract(
    [
      { property: 'latency', value: 4, unit: 'h' },
      { property: 'retention', ...fields },
    ],
    more,
  ).retention;

function problems(sla: readonly unknown[], more: object = {}): readonly ContractProblem[] {
  try {
    contract(sla, more);
    return [];
  } catch (error) {
    if (error instanceof ContractError) return error.problems;
    throw error;
  }
}

const DAY = 86_400_000;

test('a contract that is silent keeps its rows for good', () => {
  expect(contract([]).retention).toBeNull();
  expect(contract([{ property: 'latency', value: 4, unit: 'lightyears' }]).retention).toBeNull();
});

test.each([
  [
    { value: 30, unit: 'd' },
    { value: 30, unit: 'days', ms: 30 * DAY },
  ],
  [
    { value: 3, unit: 'yr' },
    { value: 3, unit: 'years', ms: 3 * 366 * DAY },
  ],
  [
    { value: 2, unit: 'MO' },
    { value: 2, unit: 'months', ms: 62 * DAY },
  ],
  [
    { value: 24, unit: 'hours' },
    { value: 24, unit: 'hours', ms: DAY },
  ],
  [
    { value: 1, unit: 'week', driver: 'regulatory', description: 'As agreed.' },
    { unit: 'weeks', ms: 7 * DAY },
  ],
])('%j is understood, counted from intake', (fields, wanted) => {
  expect(retention(fields)).toMatchObject({ ...wanted, from: 'ingest_time' });
});

test.each([
  ['placed.at', 'event_time'],
  ['order.placed.at', 'event_time'],
  ['orders.event_time', 'event_time'],
  ['ingest_time', 'ingest_time'],
])('the element %s counts from %s', (element, from) => {
  expect(retention({ value: 1, unit: 'y', element })?.from).toBe(from);
  expect(retention({ value: 1, unit: 'y' }, { slaDefaultElement: element })?.from).toBe(from);
});

test.each<[object, string, RegExp]>([
  [{ value: 3, unit: 'm' }, 'slaProperties[0].unit', /must be one of h, hr, .* years$/],
  [{ value: 3 }, 'slaProperties[0].unit', /is required: one of/],
  [{ value: -3, unit: 'd' }, 'slaProperties[0].value', /whole number above 0, not -3/],
  [{ value: 1.5, unit: 'd' }, 'slaProperties[0].value', /whole number above 0, not 1.5/],
  [{ value: '3', unit: 'd' }, 'slaProperties[0].value', /not a string/],
  [{ unit: 'd' }, 'slaProperties[0].value', /is required/],
  [{ value: 23, unit: 'h' }, 'slaProperties[0].value', /a day at least/],
  [{ value: 101, unit: 'y' }, 'slaProperties[0].value', /100 years at most/],
  [{ value: 1, unit: 'd', element: 'total' }, 'slaProperties[0].element', /or placed\.at, its event time/],
  [{ value: 1, unit: 'd', element: 'ingest_time, event_time' }, 'slaProperties[0].element', /counts from/],
  [{ value: 1, unit: 'd', valueExt: 2 }, 'slaProperties[0].valueExt', /says nothing/],
  [{ value: 1, unit: 'd', elements: 'a' }, 'slaProperties[0].elements', /is not a key of a service level/],
])('%j is refused', (fields, path, rule) => {
  expect(problems([{ property: 'Retention', ...fields }])).toEqual([
    { path, rule: expect.stringMatching(rule) as string },
  ]);
});

test('what is said twice, or by a default element that is no time, is refused', () => {
  const one = { property: 'retention', value: 1, unit: 'd' };
  expect(problems([one, { ...one, property: 're' }])).toEqual([
    { path: 'slaProperties[1].property', rule: 'retention is given twice' },
  ]);
  expect(problems([one], { slaDefaultElement: 'order.total' })[0].path).toBe('slaDefaultElement');
  expect(problems([{ property: 'latency', value: 1 }], { slaDefaultElement: 'order.total' })).toEqual([]);
});

test('the page says what is done, and other service levels as they are', () => {
  const page = contractPage(
    contract([
      { property: 'latency', value: 4, unit: 'h' },
      { property: 'retention', value: 1, unit: 'y' },
    ]),
  );
  expect(page).toContain(
    '- Kept: 1 year after it was taken in, or happened where that is later; then its row is deleted',
  );
  expect(page).toContain('- Service level `latency`: 4 h');
  expect(page).not.toContain('`retention`');
  expect(contractPage(contract([]))).toContain('- Kept: for good');
});

test('rows of before the cut-off are over', () => {
  expect(retentionCutOff({ ms: 30 * DAY }, Date.UTC(2026, 0, 31))).toBe(Date.UTC(2026, 0, 1));
});

describe('the verdict on a version', () => {
  const kept = (value: number | null, element?: string, version = '1.0.0') =>
    contract(value === null ? [] : [{ property: 'retention', value, unit: 'd', element }], {}, version);
  const notes = (before: ReturnType<typeof kept>, after: ReturnType<typeof kept>) => {
    const verdict = checkCompatibility({ mode: 'FULL', proposed: after, previous: [before] });
    expect(verdict.compatible).toBe(true);
    return verdict.notes;
  };

  it('tells of rows that it deletes, and refuses nothing', () => {
    expect(notes(kept(30), kept(7, undefined, '2.0.0'))).toEqual([
      {
        path: 'slaProperties',
        message:
          'Version 1.0.0 keeps rows for 30 days from their intake, version 2.0.0 for 7 days from their intake: once it is in force, older rows are deleted, and do not come back with a later version.',
      },
    ]);
    expect(notes(kept(null), kept(400))).toHaveLength(1);
    expect(notes(kept(7), kept(7, 'event_time'))).toHaveLength(1);
  });

  it('is silent where nothing goes earlier', () => {
    expect(notes(kept(7), kept(30))).toBeUndefined();
    expect(notes(kept(7), kept(null))).toBeUndefined();
    expect(notes(kept(7, 'event_time'), kept(7))).toBeUndefined();
    expect(notes(kept(7), kept(7))).toBeUndefined();
  });
});
