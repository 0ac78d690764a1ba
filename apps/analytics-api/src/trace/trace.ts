import type { ContractSet } from '@millrace/contracts';
import { MARTS } from '@millrace/marts';
import { type Catalog, EVENTS_TABLE, FATES_TABLE } from '@millrace/topics';
import type { Lake } from '../catalog/lake';
import type { BatchPlace, ReadModels } from '../projection/read-models';

/** One time that an event was received, and what became of it. */
export interface Receipt {
  readonly fate: 'landed' | 'duplicate' | 'quarantined';
  readonly receivedAt: string;
  readonly tenant: string;
  /** Where it came in, e.g. `http`. */
  readonly via: string;
  readonly eventType: string | null;
  readonly source: string | null;
  readonly contract: string | null;
  /** Why it is in quarantine. */
  readonly verdict: { readonly reason: string; readonly rule: string; readonly path: string } | null;
  readonly dedupe: {
    readonly key: string | null;
    readonly duplicateOfBatch: number | null;
    readonly contentDiffers: boolean | null;
  };
  readonly raw: { readonly part: string; readonly line: number };
  readonly batch: {
    readonly id: number;
    readonly number: number;
    readonly landedAt: string;
    readonly topic: string;
    readonly partition: string;
  } | null;
  /** The commit that made it visible. */
  readonly commit: {
    readonly catalogVersion: number;
    readonly tables: Readonly<Record<string, number>>;
    readonly at: string;
  } | null;
  /** Mart partitions that its row belongs to, and since when they hold it; null while they do not. */
  readonly marts: readonly {
    readonly mart: string;
    readonly partition: string;
    readonly version: number | null;
    readonly at: string | null;
  }[];
}

export interface Trace {
  readonly eventId: string;
  readonly status: 'LANDED' | 'QUARANTINED' | 'PENDING';
  readonly receipts: readonly Receipt[];
  /** The landed row. */
  readonly event?: unknown;
}

export interface TraceDeps {
  readonly lake: Lake;
  readonly readModels: Pick<
    ReadModels,
    'batch' | 'landedPositions' | 'committedPositions' | 'uncommitted' | 'martBuild'
  >;
  readonly contracts: () => Promise<ContractSet>;
  readonly refreshCatalog: () => Promise<Catalog | null>;
  /** Ends of the input log's partitions. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  /** Whether the log holds the event between two positions of each partition; null when that was too much to look at. */
  readonly inTail: (
    eventId: string,
    from: ReadonlyMap<string, number>,
    to: ReadonlyMap<string, number>,
  ) => Promise<boolean | null>;
  readonly topic: string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly waitMsMax: number;
}

/**
 * The whole way of an event. An id that is in no table is waited for: until everything that was in the log when the
 * question came has landed and is committed, `waitMsMax` at most. Then, what is in the log and not in the tables is
 * pending. Null when it is nowhere, `unknown` when too much is under way to say so.
 */
export async function trace(deps: TraceDeps, eventId: string): Promise<Trace | null | 'unknown'> {
  const found = await lookUp(deps, eventId);
  if (found) return found;
  const ends = await deps.ends();
  const deadline = deps.now() + deps.waitMsMax;
  for (;;) {
    const caughtUp = await isVisible(deps, ends);
    await deps.refreshCatalog();
    const late = await lookUp(deps, eventId);
    if (late || caughtUp) return late;
    if (deps.now() >= deadline) break;
    await deps.sleep(50);
  }
  const pending = await deps.inTail(eventId, await deps.readModels.committedPositions(deps.topic), ends);
  if (pending === null) return 'unknown';
  return pending ? { eventId, status: 'PENDING', receipts: [] } : null;
}

/** Whether all that lies before `ends` has landed, and what has landed is committed. */
async function isVisible({ readModels, topic, lake }: TraceDeps, ends: ReadonlyMap<string, number>): Promise<boolean> {
  const landed = await readModels.landedPositions(topic);
  for (const [partition, end] of ends) if (end > (landed.get(partition) ?? 0)) return false;
  const lineId = lake.catalog()?.lineId;
  return lineId === undefined
    ? [...ends.values()].every((end) => end === 0)
    : (await readModels.uncommitted(lineId)) === 0;
}

async function lookUp(deps: TraceDeps, eventId: string): Promise<Trace | null> {
  const catalog = deps.lake.catalog();
  if (!catalog) return null;
  const landed = await rowsOf(deps, catalog, EVENTS_TABLE, eventId);
  const others = await rowsOf(deps, catalog, FATES_TABLE, eventId);
  if (landed.length + others.length === 0) return null;
  const receipts = await Promise.all([
    ...landed.map((row) => receiptOf(deps, catalog, row, 'landed')),
    ...others.map((row) => receiptOf(deps, catalog, row, row.fate as 'duplicate' | 'quarantined')),
  ]);
  receipts.sort((a, b) =>
    a.receivedAt < b.receivedAt
      ? -1
      : a.receivedAt > b.receivedAt
        ? 1
        : (a.batch?.number ?? 0) - (b.batch?.number ?? 0),
  );
  // A duplicate's first receipt may have landed under another id (dedupe by content or business key): it is landed too.
  const status = receipts.some((receipt) => receipt.fate !== 'quarantined') ? 'LANDED' : 'QUARANTINED';
  return { eventId, status, receipts, ...(landed[0] && { event: eventOf(landed[0]) }) };
}

type Row = Record<string, unknown>;

async function rowsOf({ lake }: TraceDeps, catalog: Catalog, id: string, eventId: string): Promise<Row[]> {
  const at = await lake.table(catalog, id);
  if (!at) return [];
  const files = at.table.prune(at.snapshot, { event_id: { values: [eventId] } });
  if (files.length === 0) return [];
  const relation = await at.table.scanSql(at.snapshot, { files });
  return lake.query(`SELECT * FROM (${relation}) WHERE event_id = $event_id ORDER BY _batch_id, _raw_line LIMIT 1000`, {
    event_id: eventId,
  });
}

async function receiptOf(deps: TraceDeps, catalog: Catalog, row: Row, fate: Receipt['fate']): Promise<Receipt> {
  const place = await deps.readModels.batch(Number(row._batch_id));
  return {
    fate,
    receivedAt: String(row.ingest_time),
    tenant: String(row.tenant_id),
    via: String(row._source),
    eventType: text(row.event_type),
    source: text(row.source),
    contract: text(row._contract_version),
    verdict:
      fate === 'quarantined' ? { reason: String(row.reason), rule: String(row.rule), path: String(row.path) } : null,
    dedupe: {
      key: text(row.dedupe_key),
      duplicateOfBatch: row.duplicate_of_batch == null ? null : Number(row.duplicate_of_batch),
      contentDiffers: row.content_differs == null ? null : Boolean(row.content_differs),
    },
    raw: { part: String(row._raw_part), line: Number(row._raw_line) },
    batch: place && {
      id: place.batchId,
      number: place.number,
      landedAt: place.landedAt,
      topic: place.topic,
      partition: place.partition,
    },
    commit: place?.commit ?? null,
    marts: fate === 'landed' && place ? await martsOf(deps, catalog, row, place) : [],
  };
}

/** The mart partitions of a landed row, and the first build of each that was made from its number or a later one. */
async function martsOf(deps: TraceDeps, catalog: Catalog, row: Row, place: BatchPlace): Promise<Receipt['marts']> {
  const contract = (await deps.contracts()).byEventType(String(row.event_type));
  const marts = MARTS.filter((mart) => contract && mart.sources.includes(contract.table));
  if (!contract || marts.length === 0) return [];
  const at = await deps.lake.table(catalog, contract.table);
  if (!at) return [];
  const files = at.table.prune(at.snapshot, {
    event_id: { values: [String(row.event_id)] },
    event_date: { values: [String(row.event_date)] },
  });
  const partitions = marts.map((mart, i) => `CAST(${mart.partitionExpression} AS VARCHAR) AS p${i}`).join(', ');
  const [typed] = await deps.lake.query(
    `SELECT ${partitions} FROM (${await at.table.scanSql(at.snapshot, { files })}) WHERE event_id = $id AND _batch_id = $batch LIMIT 1`,
    { id: String(row.event_id), batch: place.batchId },
  );
  if (!typed) return [];
  return Promise.all(
    marts.flatMap((mart, i) => {
      const partition = text(typed[`p${i}`]);
      if (partition === null) return [];
      return deps.readModels
        .martBuild(place.lineId, mart.id, partition, place.number)
        .then((build) => ({ mart: mart.id, partition, version: build?.version ?? null, at: build?.at ?? null }));
    }),
  );
}

function eventOf(row: Row): unknown {
  const { payload, attributes, ...rest } = row;
  return { ...rest, payload, attributes };
}

const text = (value: unknown): string | null => (value == null ? null : String(value));
