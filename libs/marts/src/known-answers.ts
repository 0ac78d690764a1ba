import type { Row } from './query';

/** The text of a data set's `expected/` files. */
export interface ExpectedFiles {
  readonly manifest: string;
  readonly day_carrier: string;
  readonly day: string;
  readonly carrier: string;
  readonly origin_dest: string;
}

/** A data set's answers, under the names of our columns. */
export interface KnownAnswers {
  /** Fates of its lines: `received = landed + duplicate + quarantined`. */
  readonly counts: {
    readonly received: number;
    readonly landed: number;
    readonly duplicate: number;
    readonly quarantined: number;
    readonly shipments: number;
  };
  /** Damaged lines by the kind of damage. */
  readonly quarantinedByKind: Readonly<Record<string, number>>;
  /** By service_date and carrier_code. */
  readonly dayCarrier: readonly Row[];
  /** By service_date. */
  readonly day: readonly Row[];
  /** By carrier_code. */
  readonly carrier: readonly Row[];
  /** By lane. */
  readonly lane: readonly Row[];
}

/** Flights' names → shipments' names. */
const NAMES: Readonly<Record<string, string>> = {
  service_date: 'service_date',
  carrier: 'carrier_code',
  scheduled: 'created',
  departed: 'picked_up',
  arrived: 'delivered',
  cancelled: 'exceptions',
  open: 'open',
  on_time: 'on_time',
  on_time_pct_of_arrived: 'on_time_pct_of_delivered',
  on_time_pct_of_scheduled: 'on_time_pct_of_created',
  mean_arr_delay: 'mean_delay_minutes',
  mean_dep_delay: 'mean_pickup_delay_minutes',
  median_arr_delay: 'median_delay_minutes',
  p95_arr_delay: 'p95_delay_minutes',
  max_arr_delay: 'max_delay_minutes',
  sum_arr_delay: 'sum_delay_minutes',
  distance: 'distance_miles',
  tailnums: 'drivers',
};

/** @throws Error naming the file and column for anything that is not such a data set's answers */
export function knownAnswers(files: ExpectedFiles): KnownAnswers {
  const manifest = JSON.parse(files.manifest) as Readonly<Record<string, unknown>>;
  const count = (name: string): number => {
    const value = manifest[name];
    if (typeof value !== 'number') throw new Error(`manifest.json: "${name}" must be a number`);
    return value;
  };
  return {
    counts: {
      received: count('lines'),
      landed: count('unique_valid_events'),
      duplicate: count('duplicates'),
      quarantined: count('quarantined'),
      shipments: count('flights'),
    },
    quarantinedByKind: manifest.quarantined_by_kind as Readonly<Record<string, number>>,
    dayCarrier: renamed('day_carrier.json', files.day_carrier),
    day: renamed('day.json', files.day),
    carrier: renamed('carrier.json', files.carrier),
    lane: renamed('origin_dest.json', files.origin_dest),
  };
}

function renamed(file: string, text: string): Row[] {
  return (JSON.parse(text) as Row[]).map(({ origin, dest, ...cells }) => {
    const row: Record<string, unknown> = origin === undefined ? {} : { lane: `${origin}-${dest}` };
    for (const [name, value] of Object.entries(cells)) {
      if (!(name in NAMES)) throw new Error(`${file}: column "${name}" has no counterpart`);
      row[NAMES[name]] = value;
    }
    return row;
  });
}

/** A cell, or a whole row, that differs. */
export interface Mismatch {
  /** Values of the key, e.g. `2013-02-01 AA`. */
  readonly key: string;
  /** Null where the whole row is missing or was not expected. */
  readonly column: string | null;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** What the answers are rounded to. */
const TOLERANCE = 1e-6;

/**
 * Compares rows, found by key, in the named columns. Numbers may differ by a millionth, everything else not at all; a
 * missing, additional or doubled row is a mismatch, too.
 */
export function compareAnswers(
  expected: readonly Row[],
  actual: readonly Row[],
  { key, columns }: { readonly key: readonly string[]; readonly columns: readonly string[] },
): Mismatch[] {
  const keyOf = (row: Row): string => key.map((name) => String(row[name])).join(' ');
  const found = new Map<string, Row>();
  const mismatches: Mismatch[] = [];
  for (const row of actual) {
    if (found.has(keyOf(row)))
      mismatches.push({ key: keyOf(row), column: null, expected: 'one row', actual: 'several' });
    found.set(keyOf(row), row);
  }
  for (const row of expected) {
    const other = found.get(keyOf(row));
    found.delete(keyOf(row));
    if (!other) mismatches.push({ key: keyOf(row), column: null, expected: 'a row', actual: 'none' });
    for (const column of other ? columns : []) {
      if (!equal(row[column], other?.[column])) {
        mismatches.push({ key: keyOf(row), column, expected: row[column], actual: other?.[column] });
      }
    }
  }
  for (const left of found.keys()) mismatches.push({ key: left, column: null, expected: 'no row', actual: 'a row' });
  return mismatches;
}

function equal(expected: unknown, actual: unknown): boolean {
  if (typeof expected === 'number' && (typeof actual === 'number' || typeof actual === 'bigint')) {
    return Math.abs(expected - Number(actual)) <= TOLERANCE;
  }
  // An absent column is no answer, even where null is expected.
  return actual !== undefined && expected === actual;
}
