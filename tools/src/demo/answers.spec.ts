import {
  cellsCheck,
  conservationChecks,
  type Counts,
  eventsIn,
  exceptionsByDayAndCarrier,
  quarantineChecks,
  rowIsRight,
} from './answers';
import type { QuarantineGroup, Totals } from './client';
import { readDataSet } from './data-set';

const { known, lines, repeatedEventId } = readDataSet();
const { counts } = known;
const NOTHING: Totals = { received: 0, landed: 0, duplicate: 0, quarantined: 0, pending: 0 };
const state = (totals: Partial<Totals>, inMarts = 0, quarantine: QuarantineGroup[] = []): Counts => ({
  totals: { ...NOTHING, ...totals },
  inMarts,
  quarantine,
});
const once = state(
  { received: counts.received, landed: counts.landed, duplicate: counts.duplicate, quarantined: counts.quarantined },
  counts.landed,
);
const wrong = (checks: readonly { what: string; ok: boolean }[]): string[] =>
  checks.filter(({ ok }) => !ok).map(({ what }) => what);

describe('the data set', () => {
  it('is whole', () => {
    expect(lines).toHaveLength(counts.received);
    expect(eventsIn(known.dayCarrier)).toBe(counts.landed);
    expect(lines.filter((line) => line.includes(`"${repeatedEventId}"`)).length).toBeGreaterThan(1);
  });
});

describe('conservation', () => {
  it('holds for a first run', () => {
    expect(wrong(conservationChecks(state({}), once, known))).toEqual([]);
  });

  it('holds for a second run, where all that had landed is a duplicate', () => {
    const twice = state({
      ...once.totals,
      received: 2 * counts.received,
      duplicate: once.totals.duplicate + counts.received - counts.quarantined,
      quarantined: 2 * counts.quarantined,
    });
    expect(wrong(conservationChecks(once, { ...twice, inMarts: counts.landed }, known))).toEqual([]);
  });

  it('holds for a run over what an interrupted one left', () => {
    const half = state({ received: 20_000, landed: 19_000, duplicate: 900, quarantined: 100 }, 19_000);
    const added = { landed: counts.landed - 19_000, quarantined: counts.quarantined };
    const after = state({
      received: 20_000 + counts.received,
      landed: counts.landed,
      duplicate: 900 + counts.received - added.landed - added.quarantined,
      quarantined: 100 + added.quarantined,
    });
    expect(wrong(conservationChecks(half, after, known))).toEqual([]);
  });

  it.each<[string, Partial<Totals>, string[]]>([
    [
      'an event lost',
      { landed: counts.landed - 1 },
      ['received = landed + duplicate + quarantined + pending', 'landed in this run'],
    ],
    [
      'an event landed twice',
      { landed: counts.landed + 1, duplicate: counts.duplicate - 1 },
      ['landed in this run', 'duplicate in this run'],
    ],
    ['an event pending', { landed: counts.landed - 1, pending: 1 }, ['landed in this run', 'pending']],
    [
      'a receipt not counted',
      { received: counts.received - 1 },
      ['received = landed + duplicate + quarantined + pending', 'received in this run'],
    ],
  ])('does not hold with %s', (_what, totals, expected) => {
    expect(wrong(conservationChecks(state({}), state({ ...once.totals, ...totals }), known))).toEqual(expected);
  });
});

describe('cells', () => {
  const compare = (rows: readonly Record<string, unknown>[]) =>
    cellsCheck('x', rows, known.carrier, ['carrier_code'], ['created', 'mean_delay_minutes']);
  const [first, ...others] = known.carrier as [Record<string, unknown>, ...Record<string, unknown>[]];

  it('are right when they are the known ones', () => {
    expect(compare(known.carrier)).toMatchObject({ ok: true, got: `${known.carrier.length * 2} cells` });
  });

  it.each([
    ['a cell that differs', [{ ...first, created: 1 }, ...others]],
    [
      'a delay off by a hundred-thousandth',
      [{ ...first, mean_delay_minutes: Number(first['mean_delay_minutes']) + 1e-5 }, ...others],
    ],
    ['a row missing', others],
    ['a row too many', [...known.carrier, { ...first, carrier_code: 'ZZ' }]],
    ['a row twice', [...known.carrier, first]],
  ])('are wrong with %s', (_what, rows) => {
    expect(compare(rows).ok).toBe(false);
  });

  it('are marked row by row', () => {
    expect(rowIsRight(first, known.carrier, 'carrier_code', ['created'])).toBe(true);
    expect(rowIsRight({ ...first, created: 0 }, known.carrier, 'carrier_code', ['created'])).toBe(false);
    expect(rowIsRight({ ...first, carrier_code: 'ZZ' }, known.carrier, 'carrier_code', ['created'])).toBe(false);
  });
});

it('exceptions of all facilities add up by day and carrier', () => {
  const row = { service_date: '2013-02-01', carrier_code: 'AA' };
  expect(
    exceptionsByDayAndCarrier([
      { ...row, facility_id: 'EWR', exceptions: 2 },
      { ...row, facility_id: 'JFK', exceptions: 3 },
    ]),
  ).toEqual([{ ...row, exceptions: 5 }]);
});

describe('the quarantine', () => {
  const group = (reason: string, path: string, count: number): QuarantineGroup => ({
    reason,
    path,
    count,
    rule: 'r',
    contract: null,
    eventType: null,
  });
  const kinds = known.quarantinedByKind as Record<string, number>;
  const all = [
    group('invalid_json', '$', (kinds['truncated'] as number) + (kinds['html'] as number)),
    group('invalid_utf8', '$', kinds['invalid_utf8'] as number),
    group('invalid_number', '$', kinds['nan_literal'] as number),
    group('not_an_object', '$', kinds['null_event'] as number),
    group('invalid_time', '$.event_time', kinds['impossible_time'] as number),
    group('wrong_type', '$.payload.distance_miles', kinds['wrong_type'] as number),
    group('missing_required', '$.payload.shipment_id', kinds['missing_required'] as number),
    group('unknown_value', '$.payload.status', kinds['unknown_status'] as number),
    group('unknown_value', '$.payload.carrier_code', kinds['unknown_carrier'] as number),
  ];

  it('is right with each cause as often as it was made', () => {
    const checks = quarantineChecks(state({}), state({}, 0, all), known);
    expect(wrong(checks)).toEqual([]);
    expect(checks.reduce((sum, { got }) => sum + Number(got), 0)).toBe(counts.quarantined);
  });

  it('counts what this run added', () => {
    const doubled = all.map((each) => ({ ...each, count: 2 * each.count }));
    expect(wrong(quarantineChecks(state({}, 0, all), state({}, 0, doubled), known))).toEqual([]);
    expect(wrong(quarantineChecks(state({}), state({}, 0, doubled), known))).toHaveLength(all.length);
  });

  it('is wrong with a cause that was not made', () => {
    expect(wrong(quarantineChecks(state({}), state({}, 0, [...all, group('poison', '$', 1)]), known))).toEqual([
      'poison $',
    ]);
  });
});
