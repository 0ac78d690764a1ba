import { EVENT_DATE_COLUMN, EVENTS_COLUMNS, TYPED_KEY_COLUMNS, LINEAGE_COLUMNS } from '@millrace/topics';
import { quoteLiteral } from '@millrace/lakehouse/duckdb';
import type { ContractInForce } from '../contracts/in-force';
import type { Valid } from '../pipeline/validate';
import { DELIMITER as D, field, NULL, READ_OPTIONS } from './delimited';
import { ByteBuilder } from './byte-builder';
import type { RawPlaces } from './raw-parts';

/** A landed event with its place in the raw zone. */
export interface LandedRow {
  readonly event: Valid;
  readonly part: number;
  readonly line: number;
}

/** Landed rows as DuckDB reads them. */
export interface EventRows {
  /** The rows' file. */
  readonly bytes: Buffer;
  /** `SELECT` of the rows as `clean.events` has them, and of `contract_no`, out of a file. */
  select(file: string): string;
  /** Contracts of the rows; `contract_no` is an index into it, or null. */
  readonly contracts: readonly ContractInForce[];
}

/**
 * Columns in the file itself. The rest has few values in a batch and is joined in by `g`, which saves a third of the
 * file; what differs by request or by device is not among it, as the joined values travel in the statement's text.
 */
const ROW_COLUMNS = {
  event_id: 'VARCHAR',
  event_time: 'TIMESTAMPTZ',
  producer_time: 'TIMESTAMPTZ',
  ingest_time: 'TIMESTAMPTZ',
  source: 'VARCHAR',
  trace_id: 'VARCHAR',
  subject: 'VARCHAR',
  payload: 'VARCHAR',
  attributes: 'VARCHAR',
  dedupe_key: 'VARCHAR',
  _ingestion_id: 'VARCHAR',
  _raw_line: 'INTEGER',
  g: 'INTEGER',
};

const GROUP_COLUMNS =
  'g, event_type, event_version, tenant_id, schema_hash, _source, _raw_part, _contract_version, contract_no';

/** `_loaded_at` is the commit's. */
const STAGED_EVENTS_COLUMNS = EVENTS_COLUMNS.map(({ name }) => name).filter((name) => name !== '_loaded_at');
const STAGED_LINEAGE_COLUMNS = LINEAGE_COLUMNS.map(({ name }) => name).filter((name) => name !== '_loaded_at');

/** Bytes of a row beside its payload, to begin with. */
const ROW_BYTES = 320;

/** Writes rows with what they have of their own, and the statement that adds what they share. */
export function writeEventRows(rows: readonly LandedRow[], places: RawPlaces, batchId: number): EventRows {
  const groups = new Groups(places);
  let expected = 0;
  for (const { event } of rows) expected += event.envelope.payloadJson.length + ROW_BYTES;
  const buffer = new ByteBuilder(expected);
  for (const row of rows) {
    const { envelope, key } = row.event;
    const { ingestionId } = row.event.received.origin;
    const times = D + envelope.eventTime + D + (envelope.producerTime ?? NULL) + D + envelope.ingestTime + D;
    const head = field(envelope.eventId) + times + field(envelope.source) + D + field(envelope.traceId) + D + field(envelope.subject) + D;
    const tail = D + (envelope.attributesJson ?? NULL) + D + key + D + field(ingestionId) + D + row.line + D + groups.of(row) + '\n';
    buffer.text(head);
    buffer.text(envelope.payloadJson);
    buffer.text(tail);
  }
  const columns = Object.entries(ROW_COLUMNS).map(([name, type]) => `'${name}': '${type}'`);
  const select = (file: string): string =>
    `SELECT * EXCLUDE (g), ${batchId}::BIGINT AS _batch_id, event_time::DATE AS ${EVENT_DATE_COLUMN}
       FROM read_csv(${quoteLiteral(file)}, ${READ_OPTIONS}, columns={${columns.join(', ')}})
       JOIN (VALUES ${groups.values.join(', ')}) AS groups (${GROUP_COLUMNS}) USING (g)`;
  return { bytes: buffer.done(), select, contracts: groups.contracts };
}

/** Out of a table that holds `EventRows.select`: the columns of `clean.events`. */
export const selectEvents = (table: string): string => `SELECT ${STAGED_EVENTS_COLUMNS.join(', ')} FROM ${table}`;

/** Out of a table that holds `EventRows.select`: a contract's typed columns. Raises for a payload that does not fit. */
export function selectTyped(table: string, contractNo: number, { compiled }: ContractInForce): string {
  const columns = [...TYPED_KEY_COLUMNS.map(({ name }) => name), ...compiled.typedSelect, ...STAGED_LINEAGE_COLUMNS, EVENT_DATE_COLUMN];
  return `SELECT ${columns.join(', ')}
            FROM (SELECT *, from_json(payload, '${compiled.typedStruct}') AS p FROM ${table} WHERE contract_no = ${contractNo})`;
}

/** Numbers the combinations of what rows share. Neighbours mostly share everything, so the last one is tried first. */
class Groups {
  readonly values: string[] = [];
  readonly contracts: ContractInForce[] = [];
  private readonly numbers = new Map<string, number>();
  private last: { row: LandedRow; number: number } | null = null;

  constructor(private readonly places: RawPlaces) {}

  of(row: LandedRow): number {
    const { last } = this;
    if (last && alike(last.row, row)) return last.number;
    const values = this.describe(row);
    let number = this.numbers.get(values);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(values, number);
      this.values.push(`(${number}, ${values})`);
    }
    this.last = { row, number };
    return number;
  }

  private describe({ event, part }: LandedRow): string {
    const { envelope, contract, received } = event;
    const { headers } = received.origin;
    const text = (value: string | null | undefined): string => (value === null || value === undefined ? 'NULL::VARCHAR' : quoteLiteral(value));
    return [
      text(envelope.eventType),
      envelope.eventVersion,
      text(envelope.tenantId),
      text(contract?.schemaHash),
      text(headers.source),
      text(this.places.parts[part].path),
      text(contract?.label),
      contract ? this.numberOf(contract) : 'NULL::INTEGER',
    ].join(', ');
  }

  private numberOf(contract: ContractInForce): number {
    const known = this.contracts.indexOf(contract);
    return known >= 0 ? known : this.contracts.push(contract) - 1;
  }
}

function alike(a: LandedRow, b: LandedRow): boolean {
  const x = a.event;
  const y = b.event;
  return (
    x.received.origin.headers === y.received.origin.headers &&
    a.part === b.part &&
    x.contract === y.contract &&
    x.envelope.eventType === y.envelope.eventType &&
    x.envelope.eventVersion === y.envelope.eventVersion
  );
}
