import { FATES_COLUMNS } from '@millrace/topics';
import { quoteLiteral } from '@millrace/lakehouse/duckdb';
import type { Outcome } from '../pipeline/outcome';
import type { MicroBatch } from '../pipeline/received';
import type { Validated } from '../pipeline/curate';
import { DELIMITER as D, field, NULL, READ_OPTIONS } from './delimited';
import { ByteBuilder } from './byte-builder';
import type { RawPlaces } from './raw-parts';

export interface FateRows {
  readonly bytes: Buffer;
  readonly rows: number;
  /** `SELECT` of the rows as `ops.fates` has them, out of a file. */
  select(file: string): string;
}

const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  timestamp: 'TIMESTAMPTZ',
  long: 'BIGINT',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  date: 'DATE',
};

/** Columns of a row, in order; `_loaded_at` is the commit's. */
export const FATE_ROW_COLUMNS = FATES_COLUMNS.filter(({ name }) => name !== '_loaded_at');

const ROW_BYTES = 640;

/** One row for each item that did not land. */
export function writeFateRows(
  batch: MicroBatch,
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  places: RawPlaces,
  batchId: number,
): FateRows {
  const buffer = new ByteBuilder(outcomes.reduce((n, { fate }) => (fate === 'landed' ? n : n + ROW_BYTES), 0));
  let rows = 0;
  outcomes.forEach((outcome, i) => {
    if (outcome.fate === 'landed') return;
    rows++;
    buffer.text(line(fateOf(batch, validated[i], outcome, places, i, batchId)) + '\n');
  });
  const columns = FATE_ROW_COLUMNS.map(({ name, type }) => `'${name}': '${DUCKDB_TYPES[type]}'`);
  const select = (file: string): string =>
    `SELECT * FROM read_csv(${quoteLiteral(file)}, ${READ_OPTIONS}, columns={${columns.join(', ')}})`;
  return { bytes: buffer.done(), rows, select };
}

type Cell = string | number | boolean | null;

const line = (cells: Readonly<Record<string, Cell>>): string =>
  FATE_ROW_COLUMNS.map(({ name }) => {
    const cell = cells[name];
    return typeof cell === 'string' ? field(cell) : cell === null ? NULL : String(cell);
  }).join(D);

function fateOf(
  batch: MicroBatch,
  event: Validated,
  outcome: Exclude<Outcome, { fate: 'landed' }>,
  places: RawPlaces,
  i: number,
  batchId: number,
): Record<string, Cell> {
  const { origin, offset } = event.received;
  const about = event.ok
    ? {
        eventId: event.envelope.eventId,
        eventType: event.envelope.eventType,
        source: event.envelope.source,
        contract: event.contract?.compiled ?? null,
      }
    : { eventId: event.eventId, eventType: event.eventType, source: null, contract: event.contract };
  const refusal = outcome.fate === 'quarantined' ? outcome.refusal : null;
  const holder = outcome.fate === 'duplicate' ? outcome.holder : null;
  return {
    event_id: about.eventId,
    event_type: about.eventType,
    tenant_id: origin.headers.tenant,
    source: about.source,
    ingest_time: origin.at,
    fate: outcome.fate,
    reason: refusal?.reason ?? null,
    rule: refusal?.rule ?? null,
    path: refusal?.path ?? null,
    contract: about.contract?.name ?? null,
    dedupe_key: event.ok ? event.key : null,
    duplicate_of_batch: holder?.batchId ?? null,
    content_differs: holder?.contentDiffers ?? null,
    topic: batch.topic,
    partition: batch.partition,
    offset,
    _batch_id: batchId,
    _ingestion_id: origin.ingestionId,
    _source: origin.headers.source,
    _raw_part: places.pathOf(i),
    _raw_line: places.lineOf(i),
    _contract_version: about.contract ? `${about.contract.name}@${about.contract.version}` : null,
    ingest_date: origin.date,
  };
}
