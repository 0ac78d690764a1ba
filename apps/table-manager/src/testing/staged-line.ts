import { type CompiledContract, compile, readCatalogDir } from '@millrace/contracts';
import { Profiler } from '@millrace/contracts/profile';
import { type Duck, quoteIdentifier, quoteLiteral } from '@millrace/lakehouse';
import type { Storage } from '@millrace/storage';
import {
  type BatchStaged,
  dimensionColumns,
  dimensionTable,
  EVENT_DATE_COLUMN,
  EVENTS_COLUMNS,
  EVENTS_TABLE,
  FATES_COLUMNS,
  FATES_TABLE,
  LINEAGE_COLUMNS,
  type StagedFile,
  TYPED_KEY_COLUMNS,
} from '@millrace/topics';

export interface BatchContent {
  /** Landed shipment events. */
  readonly rows?: number;
  /** Items that did not land. */
  readonly fates?: number;
  /** When all of it was accepted, RFC 3339; default the noon of 2026-03-01. */
  readonly acceptedAt?: string;
  /** Service days that the events are spread over. */
  readonly days?: readonly string[];
  readonly contractsIndex?: number;
  /** Columns of the typed table, other values or further ones: SQL over a row number `i`, by name. */
  readonly typed?: Readonly<Record<string, string>>;
  /** Under another number than the next one. */
  readonly number?: number;
  readonly batchId?: number;
  /** Events of other types, as JSON payloads by type, and the contract that checked them. */
  readonly others?: readonly OtherEvents[];
}

export interface OtherEvents {
  readonly eventType: string;
  readonly payloads: readonly unknown[];
  /** Then the table gets a staged file too. */
  readonly contract?: CompiledContract;
  readonly tenant?: string;
}

export interface DimensionChange {
  readonly key: string;
  readonly from: string;
  readonly to?: string;
  /** Null for a key that is no more. */
  readonly values: Readonly<Record<string, string>> | null;
}

export const SHIPMENT_EVENTS = 'clean.shipment_events';

const DUCK_TYPES: Readonly<Record<string, string>> = {
  ...{ string: 'VARCHAR', timestamp: 'TIMESTAMPTZ', long: 'BIGINT', integer: 'INTEGER', double: 'DOUBLE' },
  ...{ boolean: 'BOOLEAN', date: 'DATE' },
};

export const shipmentContract = (): CompiledContract => compile(readCatalogDir()[0].contract);

/** Lands batches as curation-worker does: staged Parquet in the exact columns, and the message that announces it. */
export class StagedLine {
  private next = 1;

  constructor(
    private readonly duck: Duck,
    private readonly storage: Storage,
    readonly lineId = '0190aaaa-0000-7000-8000-000000000001',
  ) {}

  async batch(content: BatchContent = {}): Promise<BatchStaged> {
    const { rows = 20, fates = 0, contractsIndex = 1 } = content;
    const number = content.number ?? this.next++;
    const batchId = content.batchId ?? number * 10;
    const files: StagedFile[] = [];
    if (rows > 0) {
      files.push(await this.stage(batchId, EVENTS_TABLE, eventsSql(batchId, content)));
      files.push(await this.stage(batchId, SHIPMENT_EVENTS, typedSql(batchId, content)));
    }
    const profiler = new Profiler();
    for (const other of content.others ?? []) {
      const { eventType, payloads, contract, tenant = 'demo' } = other;
      const label = contract ? `${contract.name}@${contract.version}` : null;
      for (const payload of payloads) profiler.observe(tenant, 'http', eventType, label, payload);
      const events = otherSql(batchId, other, label, ingestedOf(content));
      files.push(await this.stage(batchId, EVENTS_TABLE, events, `-${eventType}`));
      if (contract) files.push(await this.stage(batchId, contract.table, otherTypedSql(contract, events)));
    }
    if (fates > 0) files.push(await this.stage(batchId, FATES_TABLE, fatesSql(batchId, fates)));
    return {
      ...{ lineId: this.lineId, number, batchId, topic: 'events.inbound', partition: '0', contractsIndex, files },
      ...profiler.done(),
      range: { from: number * 1_000_000, to: (number + 1) * 1_000_000 },
      landedAt: '2026-03-01T12:00:00.000Z',
      acceptedFrom: '2026-03-01T11:59:59.000Z',
      acceptedTo: '2026-03-01T11:59:59.900Z',
      counts: [
        {
          tenant: 'demo',
          source: 'http',
          hour: '2026-03-01T11:00:00.000Z',
          landed: rows,
          duplicate: fates,
          quarantined: 0,
        },
      ],
    };
  }

  /** A batch that changes what keys of a dimension have; columns are the dimension's attributes and their types. */
  async dimension(
    name: string,
    attributes: readonly { readonly name: string; readonly type: string }[],
    changes: readonly DimensionChange[],
  ): Promise<BatchStaged> {
    const number = this.next++;
    const batchId = number * 10;
    const columns = dimensionColumns(attributes);
    const rows = changes.map(({ key, from, to = null, values }) => {
      const cells: Record<string, string> = {
        ...{ tenant_id: `'demo'`, dimension_key: quoteLiteral(key), is_deleted: String(values === null) },
        ...{
          valid_from: quoteLiteral(from),
          valid_to: to === null ? 'NULL' : quoteLiteral(to),
          _batch_id: String(batchId),
        },
        ...{ loaded_at: INGESTED, load_date: `DATE '2026-03-01'` },
        ...Object.fromEntries(Object.entries(values ?? {}).map(([column, value]) => [column, quoteLiteral(value)])),
      };
      return selectOf(columns, cells, '(SELECT 1)');
    });
    const file = await this.stage(batchId, dimensionTable(name), rows.join(' UNION ALL '));
    return {
      ...{ lineId: this.lineId, number, batchId, topic: 'dimensions', partition: `demo/${name}`, range: null },
      ...{ contractsIndex: 1, files: [{ ...file, columns }], counts: [] },
      ...{ landedAt: '2026-03-01T12:00:00.000Z', acceptedFrom: null, acceptedTo: null },
    };
  }

  private async stage(batchId: number, table: string, sql: string, part = ''): Promise<StagedFile> {
    const path = `staged/${table}/b${batchId}-1${part}.parquet`;
    const staged = await this.storage.stage(path);
    const [stats] = await this.duck.query(
      `COPY (${sql}) TO ${quoteLiteral(staged.localPath)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, RETURN_STATS)`,
    );
    await staged.publish();
    return { kind: 'clean', table, path, rows: Number(stats.count), bytes: Number(stats.file_size_bytes) };
  }
}

/** One row a number `i`: four events a shipment, each shipment on one of the days. */
function generated(batchId: number, { rows = 20, days = ['2026-03-01'] }: BatchContent): string {
  const list = `[${days.map((day) => `DATE '${day}'`).join(', ')}]`;
  return `(SELECT i, i // 4 AS shipment, ${list}[(i // 4) % ${days.length} + 1] AS day,
                  ['created', 'picked_up', 'delivered', 'exception'][i % 4 + 1] AS status,
                  (day + INTERVAL (8 + i % 4) HOUR)::TIMESTAMP AT TIME ZONE 'UTC' AS happened,
                  'e${batchId}-' || i AS event_id, 's${batchId}-' || (i // 4) AS shipment_id
             FROM range(${rows}) AS numbers(i))`;
}

const lineage = (batchId: number): Record<string, string> => ({
  _batch_id: String(batchId),
  _ingestion_id: `'r-' || ${batchId}`,
  _source: `'http'`,
  _raw_part: `'raw/event_type=shipment.status.changed/ingest_date=2026-03-01/part-${batchId}-1.jsonl.gz'`,
  _raw_line: 'i + 1',
  _contract_version: `'shipment_status_changed@1.0.0'`,
});

function otherSql(
  batchId: number,
  { eventType, payloads, tenant = 'demo' }: OtherEvents,
  label: string | null,
  ingested: string,
): string {
  const list = payloads.map((payload) => quoteLiteral(JSON.stringify(payload))).join(', ');
  const expressions = {
    ...lineage(batchId),
    ...{ event_id: `'${eventType}-${batchId}-' || i`, event_type: quoteLiteral(eventType), event_version: '1' },
    ...{ event_time: INGESTED, ingest_time: ingested, source: `'shop'`, tenant_id: quoteLiteral(tenant) },
    ...{ payload: 'payloads[i + 1]', dedupe_key: 'md5(i::VARCHAR)', event_date: `DATE '2026-03-01'` },
    _contract_version: label === null ? 'NULL' : quoteLiteral(label),
  };
  return selectOf(
    EVENTS_COLUMNS,
    expressions,
    `(SELECT i, [${list}] AS payloads FROM range(${payloads.length}) AS n(i))`,
  );
}

function otherTypedSql(contract: CompiledContract, events: string): string {
  const names = (columns: readonly { readonly name: string }[]): string[] =>
    columns.map(({ name }) => name).filter((name) => name !== '_loaded_at');
  const own = [...contract.lenientSelect, ...(contract.recovers ? [`${contract.recovered} AS _recovered`] : [])];
  const columns = [...names(TYPED_KEY_COLUMNS), ...own, ...names(LINEAGE_COLUMNS), EVENT_DATE_COLUMN];
  return `SELECT ${columns.join(', ')} FROM (${contract.lenientRows(`(${events})`)})`;
}

const INGESTED = `TIMESTAMPTZ '2026-03-01 11:59:59.5+00'`;
const ingestedOf = ({ acceptedAt }: BatchContent): string =>
  acceptedAt === undefined ? INGESTED : `TIMESTAMPTZ ${quoteLiteral(acceptedAt)}`;

function eventsSql(batchId: number, content: BatchContent): string {
  const expressions = {
    ...lineage(batchId),
    ...{ event_id: 'event_id', event_type: `'shipment.status.changed'`, event_version: '1', event_time: 'happened' },
    ...{
      ingest_time: ingestedOf(content),
      source: `'carrier'`,
      tenant_id: `'demo'`,
      subject: 'shipment_id',
      event_date: 'day',
    },
    ...{
      payload: `json_object('shipment_id', shipment_id, 'status', status, 'note', repeat('x', 400))::VARCHAR`,
      dedupe_key: 'md5(event_id)',
    },
    schema_hash: `'abc'`,
  };
  return selectOf(EVENTS_COLUMNS, expressions, generated(batchId, content));
}

function typedSql(batchId: number, content: BatchContent): string {
  const { columns } = shipmentContract();
  const extra = Object.keys(content.typed ?? {}).filter((name) => !columns.some((column) => column.name === name));
  const expressions = {
    ...lineage(batchId),
    ...{
      event_id: 'event_id',
      event_time: 'happened',
      ingest_time: ingestedOf(content),
      tenant_id: `'demo'`,
      source: `'carrier'`,
      event_date: 'day',
    },
    ...{
      shipment_id: 'shipment_id',
      status: 'status',
      service_date: 'day',
      facility_id: `['EWR', 'JFK', 'LGA'][shipment % 3 + 1]`,
    },
    ...{
      carrier_code: `['AA', 'UA', 'DL'][shipment % 3 + 1]`,
      lane: `'EWR-CLT'`,
      distance_miles: '100 + shipment % 50',
      service_no: 'shipment',
    },
    ...{
      planned_pickup: `happened - INTERVAL (i % 4 + 1) HOUR`,
      eta: `happened + INTERVAL (10 - shipment % 30) MINUTE`,
      driver_id: `'d' || shipment % 7`,
    },
    ...content.typed,
  };
  const own = [...columns.map(({ name, type }) => ({ name, type })), ...extra.map((name) => ({ name, type: '' }))];
  const all = [...TYPED_KEY_COLUMNS, ...own, ...LINEAGE_COLUMNS, { name: EVENT_DATE_COLUMN, type: 'date' }];
  return selectOf(all, expressions, generated(batchId, content));
}

function fatesSql(batchId: number, rows: number): string {
  const expressions = {
    ...lineage(batchId),
    ...{
      event_id: `'f${batchId}-' || i`,
      event_type: `'shipment.status.changed'`,
      tenant_id: `'demo'`,
      source: `'carrier'`,
    },
    ...{
      ingest_time: INGESTED,
      fate: `'duplicate'`,
      dedupe_key: 'md5(i::VARCHAR)',
      duplicate_of_batch: '1',
      content_differs: 'false',
    },
    ...{ topic: `'events.inbound'`, partition: `'0'`, offset: 'i', ingest_date: `DATE '2026-03-01'` },
  };
  return selectOf(FATES_COLUMNS, expressions, `range(${rows}) AS numbers(i)`);
}

/** All columns but `_loaded_at`, which is the commit's, in their exact types; what has no expression is null. */
function selectOf(
  columns: readonly { readonly name: string; readonly type: string }[],
  expressions: Readonly<Record<string, string>>,
  from: string,
): string {
  const list = columns
    .filter(({ name }) => name !== '_loaded_at')
    .map(({ name, type }) => {
      const value = expressions[name] ?? 'NULL';
      return `${type === '' ? value : `(${value})::${DUCK_TYPES[type]}`} AS ${quoteIdentifier(name)}`;
    });
  return `SELECT ${list.join(', ')} FROM ${from}`;
}
