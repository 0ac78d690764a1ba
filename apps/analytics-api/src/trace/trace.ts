import type { DuckRow } from '@millrace/lakehouse';
import type { Catalog } from '@millrace/topics';
import type { Lake } from '../catalog/lake';
import type { ReadModels } from '../projection/read-models';
import { EventFinder } from './find-event';
import { type Receipt, type ReceiptDeps, receiptsOf } from './receipt';

export interface Trace {
  readonly eventId: string;
  readonly status: 'LANDED' | 'QUARANTINED' | 'PENDING';
  readonly receipts: readonly Receipt[];
  /** The landed row. */
  readonly event?: DuckRow;
}

export interface TraceDeps extends ReceiptDeps {
  readonly lake: Pick<Lake, 'catalog' | 'table' | 'select'>;
  readonly readModels: Pick<ReadModels, 'progress' | 'visibleTo' | 'places' | 'martBuild'>;
  /** Looks for a newer catalog. */
  readonly refreshCatalog: () => Promise<Catalog | null>;
  /** Ends of the input log's partitions. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  /** Whether the log holds the tenant's event between two positions of each partition; null when that was too much to look at. */
  readonly inTail: (
    tenant: string,
    eventId: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ) => Promise<boolean | null>;
  readonly topic: string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly waitMsMax: number;
}

const LOOK_EVERY_MS = 100;

/**
 * The whole way of a tenant's event. An id that is in no table is waited for: until everything that was in the log when the
 * question came has landed and is committed, `waitMsMax` at most. Then, what is in the log and not in the tables is
 * pending. Null when it is nowhere, `unknown` when too much is under way to say so.
 */
export async function trace(deps: TraceDeps, tenant: string, eventId: string): Promise<Trace | null | 'unknown'> {
  const finder = new EventFinder(deps.lake, tenant, eventId);
  const known = deps.lake.catalog();
  const found = known && (await lookUp(deps, finder, known, eventId));
  if (found) return found;

  const ends = await deps.ends();
  const deadline = deps.now() + deps.waitMsMax;
  let searched = known;
  // The number up to which batches hold everything that the log held at the question, once they do.
  let covering: number | null = null;
  for (;;) {
    const catalog = await deps.refreshCatalog();
    covering ??= await coveringNumber(deps, catalog, ends);
    const caughtUp = covering !== null && (catalog?.number ?? 0) >= covering;
    if (catalog && catalog.version !== searched?.version) {
      const late = await lookUp(deps, finder, catalog, eventId);
      if (late) return late;
      searched = catalog;
    }
    if (caughtUp) return null;
    if (deps.now() >= deadline) break;
    await deps.sleep(LOOK_EVERY_MS);
  }
  const visible = await deps.readModels.visibleTo(searched?.lineId ?? null, deps.topic, searched?.number ?? 0);
  const pending = await deps.inTail(tenant, eventId, visible, ends);
  if (pending === null) return 'unknown';
  return pending ? { eventId, status: 'PENDING', receipts: [] } : null;
}

/** Null while not everything before `ends` has landed. */
async function coveringNumber(
  { readModels, topic }: TraceDeps,
  catalog: Catalog | null,
  ends: ReadonlyMap<string, number>,
): Promise<number | null> {
  const { number, landedTo } = await readModels.progress(catalog?.lineId ?? null, topic);
  return [...ends].every(([partition, end]) => end <= (landedTo.get(partition) ?? 0)) ? number : null;
}

async function lookUp(deps: TraceDeps, finder: EventFinder, catalog: Catalog, eventId: string): Promise<Trace | null> {
  const rows = await finder.find(catalog);
  if (!rows) return null;
  const receipts = await receiptsOf(deps, catalog, rows);
  const has = (...fates: Receipt['fate'][]): boolean => receipts.some(({ fate }) => fates.includes(fate));
  // A duplicate's first receipt may have landed under another id (dedupe by content or business key): it is landed too.
  const status = has('landed', 'duplicate') ? 'LANDED' : has('quarantined') ? 'QUARANTINED' : 'PENDING';
  return { eventId, status, receipts, ...(rows.landed[0] && { event: rows.landed[0] }) };
}
