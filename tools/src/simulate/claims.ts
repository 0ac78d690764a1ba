import { LandedBefore, pruneMemoryClaims } from '@millrace/curation-worker/simulation';
import { DeltaTable, type Duck, TableNotFound } from '@millrace/lakehouse';
import { readJsonRows } from '@millrace/lakehouse/memory';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, EVENTS_TABLE, tableRoot } from '@millrace/topics';
import { jsonEngine } from './lake';
import { mutatedPruning } from './mutants';
import type { SimProcess } from './process';
import type { Shared } from './shared';

type Find = LandedBefore['find'];

/** Claims are kept for thirty days: so many of them pass that what landed before is forgotten. */
const MONTH_DAYS = 41;
/** A month passes within seconds, when most of what comes has come. */
export const MONTH_BEGINS_MS = 12_000;
const DAY_PASSES_MS = 50;
/** In place of a minute, and of ten: longer than a landing lasts before its worker is given up. */
const HORIZON_MS = 2_000;
const SETTLE_MS = 30_000;
/** When claims are gone, and what is repeated meets none. */
export const FORGOTTEN_MS = MONTH_BEGINS_MS + MONTH_DAYS * DAY_PASSES_MS + SETTLE_MS + 2_000;

/** Lets a month pass for the claims of a run, and deletes what is too old as the upkeep of curation does. */
export function passMonth(shared: Shared): void {
  const { world, calendar, landing, faults } = shared;
  const prune = (): void => {
    const { deleted } = mutatedPruning(shared, () => pruneMemoryClaims(landing, SETTLE_MS, world.nowMs));
    if (deleted === 0) return;
    faults.note('prune', 'landing');
    world.trace(`${deleted} claims are pruned`);
  };
  for (let day = 1; day <= MONTH_DAYS; day++)
    world.after(MONTH_BEGINS_MS + day * DAY_PASSES_MS, () => {
      calendar.day++;
      prune();
    });
  // What is landed then is not in the tables when the month has passed, and comes there while the load comes back.
  if (faults.chance(0.5))
    world.after(faults.between(1_000, 4_000), () =>
      faults.outage('tables', FORGOTTEN_MS + faults.between(2_000, 8_000) - world.nowMs),
    );
  const again = (): void =>
    void world.after(1_000, () => {
      prune();
      again();
    });
  again();
}

/** What has landed although its claim is gone, as a worker finds out; the lake is asked over JSON in place of SQL. */
export function landedBeforeOf(process: SimProcess, { landing, mutation }: Shared, storage: Storage): Find {
  const before = new LandedBefore({
    ...{ clock: process.clock, horizonMs: HORIZON_MS },
    pruned: () => process.call('landing', 'pruned', () => landing.pruned(), databaseError),
    inLake: (old) => keysInLake(storage, old),
  });
  return mutation === 'forget-what-was-pruned' ? async () => new Map() : (candidates) => before.find(candidates);
}

async function keysInLake(storage: Storage, old: Parameters<Find>[0]): ReturnType<Find> {
  const table = await DeltaTable.open(storage, tableRoot(EVENTS_TABLE), {
    ...{ duck: null as unknown as Duck, rows: jsonEngine(storage), checkpointInterval: 0 },
  }).catch((error: unknown) => {
    if (error instanceof TableNotFound) return null;
    throw error;
  });
  const held = new Map<string, { batchId: number; fingerprint: null }>();
  if (!table) return held;
  const keys = new Set(old.map(({ key }) => key));
  const values = [...new Set(old.map(({ envelope }) => envelope.eventTime.slice(0, 10)))];
  for (const { path } of table.prune(await table.refresh(), { [EVENT_DATE_COLUMN]: { values } }))
    for (const row of await readJsonRows(storage, `${table.root}/${decodeURIComponent(path)}`)) {
      const key = String(row['dedupe_key']);
      if (keys.has(key)) held.set(key, { batchId: Number(row['_batch_id']), fingerprint: null });
    }
  return held;
}

const databaseError = (method: string): Error => new Error(`the connection broke during ${method}`);
