/**
 * The lake's built-in tables and the columns that every typed table has beside its contract's own.
 * Types are Delta's names. Curation stages Parquet of these columns, table-manager creates the tables.
 */
export interface LakeColumn {
  readonly name: string;
  readonly type: string;
}

const column = (name: string, type = 'string'): LakeColumn => ({ name, type });

/** Where a row came from, the same on every table and warehouse. `_loaded_at` is set by the commit. */
export const LINEAGE_COLUMNS: readonly LakeColumn[] = [
  column('_batch_id', 'long'),
  column('_ingestion_id'),
  column('_source'),
  column('_raw_part'),
  column('_raw_line', 'integer'),
  column('_contract_version'),
  column('_loaded_at', 'timestamp'),
];

/** First columns of every typed table; the contract's columns follow, then lineage, then `event_date`. */
export const TYPED_KEY_COLUMNS: readonly LakeColumn[] = [
  column('event_id'),
  column('event_time', 'timestamp'),
  column('producer_time', 'timestamp'),
  column('ingest_time', 'timestamp'),
  column('tenant_id'),
  column('source'),
];

export const EVENTS_TABLE = 'clean.events';
export const EVENT_DATE_COLUMN = 'event_date';

/** Every landed event, whatever its type. Partitioned by the UTC date of `event_time`. */
export const EVENTS_COLUMNS: readonly LakeColumn[] = [
  column('event_id'),
  column('event_type'),
  column('event_version', 'integer'),
  column('event_time', 'timestamp'),
  column('producer_time', 'timestamp'),
  column('ingest_time', 'timestamp'),
  column('source'),
  column('trace_id'),
  column('tenant_id'),
  column('subject'),
  column('payload'),
  column('attributes'),
  column('schema_hash'),
  column('dedupe_key'),
  ...LINEAGE_COLUMNS,
  column(EVENT_DATE_COLUMN, 'date'),
];

export const FATES_TABLE = 'ops.fates';
export const FATES_DATE_COLUMN = 'ingest_date';

/** One row per item that did not land at once: a line of a batch that is absent here landed. Partitioned by accept date. */
export const FATES_COLUMNS: readonly LakeColumn[] = [
  column('event_id'),
  column('event_type'),
  column('tenant_id'),
  column('source'),
  column('ingest_time', 'timestamp'),
  /**
   * `duplicate`, `quarantined`, or `waiting`: it could not be processed and is tried again. A replay or another try that
   * decides otherwise says so under the same raw line in a later batch, here or in `clean.events`.
   */
  column('fate'),
  column('reason'),
  column('rule'),
  column('path'),
  column('contract'),
  /** Of a duplicate: the dedupe key it shares, the batch that holds the claim, and whether its content differs. */
  column('dedupe_key'),
  column('duplicate_of_batch', 'long'),
  column('content_differs', 'boolean'),
  column('topic'),
  column('partition'),
  column('offset', 'long'),
  ...LINEAGE_COLUMNS,
  column(FATES_DATE_COLUMN, 'date'),
];

/** Table id of a dimension: `dim.<name>`. */
export const dimensionTable = (name: string): string => `${DIMENSION_PREFIX}${name}`;
export const DIMENSION_PREFIX = 'dim.';
export const DIMENSION_DATE_COLUMN = 'load_date';

/**
 * What a dimension's table has beside its attributes, which come after `dimension_key`. A row says that a key had these
 * values from `valid_from` on; of rows with the same key and `valid_from` the one of the latest batch counts. Nothing is
 * ever rewritten: what is in force at a time is computed by whoever asks, as known now or at an earlier batch.
 */
export const DIMENSION_KEY_COLUMNS: readonly LakeColumn[] = [column('tenant_id'), column('dimension_key')];
export const DIMENSION_TIME_COLUMNS: readonly LakeColumn[] = [
  column('valid_from', 'timestamp'),
  /** Until when it held as far as was known when it was loaded; a later load may end it earlier. */
  column('valid_to', 'timestamp'),
  /** From `valid_from` on the key is no more. */
  column('is_deleted', 'boolean'),
  column('loaded_at', 'timestamp'),
  ...LINEAGE_COLUMNS,
  column(DIMENSION_DATE_COLUMN, 'date'),
];

/** All columns of a dimension's table. */
export const dimensionColumns = (attributes: readonly LakeColumn[]): LakeColumn[] => [
  ...DIMENSION_KEY_COLUMNS,
  ...attributes,
  ...DIMENSION_TIME_COLUMNS,
];
