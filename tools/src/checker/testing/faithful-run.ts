import type { Checker } from '../checker';
import type { Completed, HistoryEntry, SentItem } from '../history';
import type { BatchSeen, ConservationSeen, FaultSeen, MartSeen, RawSeen, RowSeen } from '../observations';

export type Fate = 'landed' | 'duplicate' | 'quarantined';

/** A whole run as data, so that a test can plant a defect in it. */
export interface Run {
  readonly history: HistoryEntry[];
  readonly raw: RawSeen[];
  readonly fates: { key: string; fate: Fate }[];
  readonly rows: { table: string; row: RowSeen }[];
  readonly batches: BatchSeen[];
  readonly conservation: ConservationSeen[];
  readonly marts: MartSeen[];
  readonly faults: FaultSeen[];
  catalog: number;
}

/** What a client asked for, and what becomes of it. */
export interface PlannedOperation {
  readonly items: readonly { readonly n: number; readonly form: number }[];
  readonly end: Completed['type'] | 'none';
  /** Of an unknown outcome: whether it took effect. */
  readonly stored: boolean;
}

export const TABLES = ['clean.events', 'clean.typed'] as const;
const BATCH_ITEMS = 7;

/** Every fifth item is damaged; every third is of a type without a table of its own. */
export function itemOf(n: number, form: number): SentItem {
  return {
    key: `k${n}`,
    hash: `says ${n}`,
    bytes: `bytes ${n} form ${form}`,
    fate: n % 5 === 0 ? 'quarantined' : 'landed',
    ...(n % 3 === 0 ? { tables: ['clean.events'] } : {}),
  };
}

/** What a system that keeps every promise does with these operations. */
export function faithfulRun(operations: readonly PlannedOperation[]): Run {
  const run: Run = {
    ...{ history: [], raw: [], fates: [], rows: [], batches: [], conservation: [], marts: [], catalog: 0 },
    faults: [{ kind: 'kill', target: 'a' }],
  };
  const landed = new Set<string>();
  operations.forEach(({ items, end, stored }, op) => {
    const sent = items.map(({ n, form }) => itemOf(n, form));
    run.history.push({ type: 'invoke', op, route: 'r', atMs: op, items: sent });
    if (end !== 'none') run.history.push({ type: end, op, atMs: op });
    if (end === 'fail' || (end !== 'ok' && !stored)) return;
    for (const item of sent) land(run, item, landed);
  });
  for (let from = 0; from < run.fates.length; from += BATCH_ITEMS) {
    const some = run.fates.slice(from, from + BATCH_ITEMS);
    const count = (fate: Fate): number => some.filter((each) => each.fate === fate).length;
    const counts = { landed: count('landed'), duplicate: count('duplicate'), quarantined: count('quarantined') };
    const number = run.batches.length + 1;
    run.batches.push({ number, batchId: number * 10, ...counts });
    run.conservation.push({ group: `hour ${number}`, received: some.length, ...counts, pending: 0 });
  }
  run.catalog = run.batches.length;
  const cells = [...landed].map((key) => ({ key, n: 1 }));
  run.marts.push({ name: 'mart', key: ['key'], columns: ['n'], expected: cells, actual: cells });
  return run;
}

function land(run: Run, { key, bytes, hash, fate, tables = TABLES }: SentItem, landed: Set<string>): void {
  run.raw.push({ key, bytes });
  const repeated = fate === 'landed' && landed.has(key);
  run.fates.push({ key, fate: repeated ? 'duplicate' : fate });
  if (fate !== 'landed' || repeated) return;
  landed.add(key);
  for (const table of tables) run.rows.push({ table, row: { key, hash } });
}

/** Tells a checker all of it. */
export function tell(checker: Checker, run: Run): void {
  for (const entry of run.history) checker.history(entry);
  for (const seen of run.raw) checker.raw(seen);
  for (const { key, fate } of run.fates) checker.fate(key, fate);
  for (const { table, row } of run.rows) checker.row(table, row);
  for (const batch of run.batches) checker.batch(batch);
  for (const row of run.conservation) checker.conservation(row);
  for (const mart of run.marts) checker.mart(mart);
  for (const fault of run.faults) checker.fault(fault);
  checker.catalog(run.catalog);
}
