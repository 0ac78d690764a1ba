import type { ContractSet } from '@millrace/contracts';
import type { DuckRow } from '@millrace/lakehouse';
import { MARTS } from '@millrace/marts';
import type { Catalog } from '@millrace/topics';
import type { Lake } from '../catalog/lake';
import type { BatchPlace, ReadModels } from '../projection/read-models';
import type { FoundRows } from './find-event';

/** One time that an event was received, and what became of it. */
export interface Receipt {
  readonly fate: 'landed' | 'duplicate' | 'quarantined' | 'waiting';
  readonly receivedAt: string;
  readonly tenant: string;
  /** Where it came in, e.g. `http`. */
  readonly via: string;
  readonly eventType: string | null;
  readonly source: string | null;
  readonly contract: string | null;
  /** Why it is in quarantine, or waits to be tried again. */
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
  readonly commit: BatchPlace['commit'];
  /** Mart partitions that its row belongs to, and since when they hold it; null while they do not. */
  readonly marts: readonly {
    readonly mart: string;
    readonly partition: string;
    readonly version: number | null;
    readonly at: string | null;
  }[];
}

export interface ReceiptDeps {
  readonly lake: Pick<Lake, 'table' | 'select'>;
  readonly readModels: Pick<ReadModels, 'places' | 'martBuild'>;
  readonly contracts: () => Promise<ContractSet>;
}

/** Every receipt of an event, by time. */
export async function receiptsOf(
  deps: ReceiptDeps,
  catalog: Catalog,
  { landed, others }: FoundRows,
): Promise<Receipt[]> {
  const rows = [
    ...landed.map((row) => ({ row, fate: 'landed' as const })),
    ...others.map((row) => ({ row, fate: row.fate as 'duplicate' | 'quarantined' | 'waiting' })),
  ];
  const places = await deps.readModels.places([...new Set(rows.map(({ row }) => Number(row._batch_id)))]);
  const receipts = await Promise.all(
    rows.map(async ({ row, fate }) => {
      const place = places.get(Number(row._batch_id)) ?? null;
      const marts = fate === 'landed' && place ? await martsOf(deps, catalog, row, place) : [];
      return receiptOf(row, fate, place, marts);
    }),
  );
  const order = (receipt: Receipt): string =>
    `${receipt.receivedAt} ${String(receipt.batch?.number ?? 0).padStart(16, '0')}`;
  return receipts.sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
}

function receiptOf(row: DuckRow, fate: Receipt['fate'], place: BatchPlace | null, marts: Receipt['marts']): Receipt {
  const refused = fate === 'quarantined' || fate === 'waiting';
  return {
    fate,
    receivedAt: String(row.ingest_time),
    tenant: String(row.tenant_id),
    via: String(row._source),
    eventType: text(row.event_type),
    source: text(row.source),
    contract: text(row._contract_version),
    verdict: refused ? { reason: String(row.reason), rule: String(row.rule), path: String(row.path) } : null,
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
    marts,
  };
}

/** The mart partitions of a landed row, and the first build of each that was made from its number or a later one. */
async function martsOf(
  deps: ReceiptDeps,
  catalog: Catalog,
  row: DuckRow,
  place: BatchPlace,
): Promise<Receipt['marts']> {
  const contract = (await deps.contracts()).byEventType(String(row.event_type));
  const marts = MARTS.filter((mart) => contract && mart.sources.includes(contract.table));
  const at = contract && marts.length > 0 ? await deps.lake.table(catalog, contract.table) : null;
  if (!at) return [];
  const files = at.table.prune(at.snapshot, {
    event_id: { values: [String(row.event_id)] },
    event_date: { values: [String(row.event_date)] },
    _batch_id: { min: place.batchId, max: place.batchId },
  });
  const partitions = marts.map((mart, i) => `CAST(${mart.partitionExpression} AS VARCHAR) AS p${i}`).join(', ');
  const [typed] = await deps.lake.select(
    at,
    { files },
    `WHERE event_id = $id AND tenant_id = $tenant AND _batch_id = $batch LIMIT 1`,
    { id: String(row.event_id), tenant: String(row.tenant_id), batch: place.batchId },
    partitions,
  );
  if (!typed) return [];
  const known = marts.flatMap((mart, i) => {
    const partition = text(typed[`p${i}`]);
    return partition === null ? [] : [{ mart: mart.id, partition }];
  });
  return Promise.all(
    known.map(async ({ mart, partition }) => {
      const build = await deps.readModels.martBuild(place.lineId, mart, partition, place.number);
      return { mart, partition, version: build?.version ?? null, at: build?.at ?? null };
    }),
  );
}

const text = (value: unknown): string | null => (value == null ? null : String(value));
