import { FATES_COLUMNS, FATES_TABLE } from '@millrace/topics';
import type { Outcome } from '../pipeline/outcome';
import type { MicroBatch } from '../pipeline/received';
import type { Validated } from '../pipeline/curate';
import type { RawPlaces } from './raw-parts';
import { type Cell, type TableRows, TableRowsBuilder } from './table-rows';

/** Columns of a row, in order; `_loaded_at` is the commit's. */
const FATE_ROW_COLUMNS = FATES_COLUMNS.filter(({ name }) => name !== '_loaded_at');

const ROW_BYTES = 640;

/** One row for each item that did not land. */
export function writeFateRows(
  batch: MicroBatch,
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  places: RawPlaces,
  batchId: number,
): TableRows {
  const rows = new TableRowsBuilder(
    FATES_TABLE,
    FATE_ROW_COLUMNS,
    outcomes.reduce((n, { fate }) => (fate === 'landed' ? n : n + ROW_BYTES), 0),
  );
  outcomes.forEach((outcome, i) => {
    if (outcome.fate !== 'landed') rows.add(fateOf(batch, validated[i], outcome, places, i, batchId));
  });
  return rows.done();
}

function fateOf(
  batch: MicroBatch,
  event: Validated,
  outcome: Exclude<Outcome, { fate: 'landed' }>,
  places: RawPlaces,
  i: number,
  batchId: number,
): Record<string, Cell> {
  const { origin, offset, log } = event.received;
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
    reason: refusal?.reason ?? (outcome.fate === 'waiting' ? 'processing_failed' : null),
    rule: refusal?.rule ?? (outcome.fate === 'waiting' ? outcome.error : null),
    path: refusal?.path ?? null,
    contract: about.contract?.name ?? null,
    dedupe_key: event.ok ? event.key : null,
    duplicate_of_batch: holder?.batchId ?? null,
    content_differs: holder?.contentDiffers ?? null,
    topic: log?.topic ?? batch.topic,
    partition: log?.partition ?? batch.partition,
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
