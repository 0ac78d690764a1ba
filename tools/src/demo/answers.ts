import { compareAnswers, type KnownAnswers } from '@millrace/marts';
import type { QuarantineGroup, Row, Totals } from './client';

/** One number beside the known one. */
export interface Check {
  readonly what: string;
  readonly got: string;
  readonly known: string;
  readonly ok: boolean;
}

/** Counts before and after the load: on a folder that has seen the data, a run adds receipts and no rows. */
export interface Counts {
  readonly totals: Totals;
  readonly quarantine: readonly QuarantineGroup[];
  /** Events of the data set that the marts count. */
  readonly inMarts: number;
}

const number = (value: number): string => value.toLocaleString('en-US');
const check = (what: string, got: number, known: number): Check => ({
  what,
  got: number(got),
  known: number(known),
  ok: got === known,
});

/** received = landed + duplicate + quarantined + pending, in all and for this run. */
export function conservationChecks(before: Counts, after: Counts, { counts }: KnownAnswers): Check[] {
  const { received, landed, duplicate, quarantined, pending } = after.totals;
  const added = (count: keyof Totals): number => after.totals[count] - before.totals[count];
  const newlyLanded = counts.landed - before.inMarts;
  return [
    check(
      'received = landed + duplicate + quarantined + pending',
      landed + duplicate + quarantined + pending,
      received,
    ),
    check('received in this run', added('received'), counts.received),
    check('landed in this run', added('landed'), newlyLanded),
    check('duplicate in this run', added('duplicate'), counts.received - counts.quarantined - newlyLanded),
    check('quarantined in this run', added('quarantined'), counts.quarantined),
    check('pending', pending, 0),
  ];
}

/** Compares every cell of a grouped answer with the known one. */
export function cellsCheck(
  what: string,
  rows: readonly Row[],
  known: readonly Row[],
  key: readonly string[],
  columns: readonly string[],
): Check {
  const mismatches = compareAnswers(known, rows, { key, columns });
  const cells = number(known.length * columns.length);
  const first = mismatches
    .slice(0, 3)
    .map(
      ({ key: at, column, expected, actual }) => `${at} ${column ?? 'row'}: ${String(actual)} for ${String(expected)}`,
    );
  return {
    what,
    got: mismatches.length
      ? `${number(mismatches.length)} differ: ${first.join('; ')}${mismatches.length > 3 ? '; …' : ''}`
      : `${cells} cells`,
    known: `${cells} cells`,
    ok: mismatches.length === 0,
  };
}

/** Whether each cell of one row is the known one. */
export const rowIsRight = (row: Row, known: readonly Row[], key: string, columns: readonly string[]): boolean =>
  compareAnswers(
    known.filter((each) => each[key] === row[key]),
    [row],
    { key: [key], columns },
  ).length === 0;

/** Sums of exceptions by day and carrier, from rows that are also by facility. */
export function exceptionsByDayAndCarrier(rows: readonly Row[]): Row[] {
  const sums = new Map<string, Record<string, unknown>>();
  for (const { service_date, carrier_code, exceptions } of rows) {
    const key = `${String(service_date)} ${String(carrier_code)}`;
    const sum = sums.get(key) ?? { service_date, carrier_code, exceptions: 0 };
    sum['exceptions'] = Number(sum['exceptions']) + Number(exceptions);
    sums.set(key, sum);
  }
  return [...sums.values()];
}

/** Which refusal each kind of damage ends in. Cut-off and foreign text are one cause: neither is JSON. */
const CAUSES: readonly {
  readonly kinds: readonly string[];
  readonly reason: string;
  readonly path?: string;
  readonly title: string;
}[] = [
  { kinds: ['truncated', 'html'], reason: 'invalid_json', title: 'cut-off line or foreign text' },
  { kinds: ['invalid_utf8'], reason: 'invalid_utf8', title: 'bytes that are no text' },
  { kinds: ['nan_literal'], reason: 'invalid_number', title: 'NaN for a number' },
  { kinds: ['null_event'], reason: 'not_an_object', title: 'null for an event' },
  { kinds: ['impossible_time'], reason: 'invalid_time', path: '$.event_time', title: 'a time that never was' },
  { kinds: ['wrong_type'], reason: 'wrong_type', path: '$.payload.distance_miles', title: 'text for a number' },
  { kinds: ['missing_required'], reason: 'missing_required', path: '$.payload.shipment_id', title: 'no shipment id' },
  { kinds: ['unknown_status'], reason: 'unknown_value', path: '$.payload.status', title: 'unknown status' },
  { kinds: ['unknown_carrier'], reason: 'unknown_value', path: '$.payload.carrier_code', title: 'unknown carrier' },
];

export interface CauseCheck extends Check {
  readonly title: string;
  readonly rule: string;
}

/** The quarantine of this run by cause; causes that the data set has none of come last, as wrong. */
export function quarantineChecks(before: Counts, after: Counts, { quarantinedByKind }: KnownAnswers): CauseCheck[] {
  const left = addedGroups(before.quarantine, after.quarantine);
  const expected = CAUSES.map(({ kinds, reason, path, title }) => {
    const groups = [...left.keys()].filter(
      (group) => group.reason === reason && (path === undefined || group.path === path),
    );
    const got = groups.reduce((sum, group) => sum + (left.get(group) ?? 0), 0);
    for (const group of groups) left.delete(group);
    const known = kinds.reduce((sum, kind) => sum + (quarantinedByKind[kind] ?? 0), 0);
    return { ...check(path ? `${reason} ${path}` : reason, got, known), title, rule: groups[0]?.rule ?? '' };
  });
  const others = [...left].map(([group, added]) => ({
    ...check(`${group.reason} ${group.path}`, added, 0),
    title: 'not in the data',
    rule: group.rule,
  }));
  return [...expected, ...others];
}

/** How much each group has grown; groups are told apart by all that they have but their count. */
function addedGroups(
  before: readonly QuarantineGroup[],
  after: readonly QuarantineGroup[],
): Map<QuarantineGroup, number> {
  const identity = ({ count: _count, ...group }: QuarantineGroup): string => JSON.stringify(group);
  const counts = new Map(before.map((group) => [identity(group), group.count]));
  return new Map(
    after
      .map((group) => [group, group.count - (counts.get(identity(group)) ?? 0)] as const)
      .filter(([, added]) => added !== 0),
  );
}

/** How many of the data set's events the daily rows count. */
export const eventsIn = (daily: readonly Row[]): number =>
  daily.reduce(
    (sum, row) =>
      sum +
      ['created', 'picked_up', 'delivered', 'exceptions'].reduce(
        (cells, column) => cells + Number(row[column] ?? 0),
        0,
      ),
    0,
  );

/** The days that the data set's shipments belong to, as query parameters. */
export function daysOf({ day }: KnownAnswers): string {
  const days = day.map((row) => String(row['service_date'])).sort();
  return `from=${days[0]}&to=${days[days.length - 1]}`;
}
