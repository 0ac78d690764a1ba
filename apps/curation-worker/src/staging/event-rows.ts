import { RECOVERED_COLUMN } from '@millrace/contracts';
import { quoteLiteral } from '@millrace/lakehouse/duckdb';
import { EVENT_DATE_COLUMN, EVENTS_COLUMNS, LINEAGE_COLUMNS, TYPED_KEY_COLUMNS } from '@millrace/topics';
import type { ContractInForce } from '../contracts/in-force';
import { READ_OPTIONS } from './delimited';
import type { RawPlaces } from './raw-parts';
import { ROW_COLUMNS, type RowGroup, type RowTable } from './row-table';

/** Landed rows as DuckDB reads them. */
export interface EventRows {
  /** The rows' file. */
  readonly bytes: Buffer;
  /** `SELECT` of the rows as `clean.events` has them, and of `contract_no`, out of a file. */
  select(file: string): string;
  /** What rows of one group have in common, by `g`. */
  readonly shared: readonly SharedColumns[];
  /** Contracts of the rows; `contract_no` is an index into it, or null. */
  readonly contracts: readonly ContractInForce[];
  /** Those of them of which rows may have values that do not fit their columns; there are none of the others. */
  readonly clashing: ReadonlySet<ContractInForce>;
}

export interface SharedColumns {
  readonly g: number;
  readonly event_type: string;
  readonly event_version: number;
  readonly tenant_id: string;
  readonly schema_hash: string | null;
  readonly _source: string;
  readonly _raw_part: string;
  /** Added to a row's `group_line` this is its line in the part. */
  readonly line_base: number;
  readonly _contract_version: string | null;
  readonly contract_no: number | null;
}

const GROUP_COLUMNS =
  'g, event_type, event_version, tenant_id, schema_hash, _source, _raw_part, line_base, _contract_version, contract_no';

/** `_loaded_at` is the commit's. */
const STAGED_EVENTS_COLUMNS = EVENTS_COLUMNS.map(({ name }) => name).filter((name) => name !== '_loaded_at');
const STAGED_LINEAGE_COLUMNS = LINEAGE_COLUMNS.map(({ name }) => name).filter((name) => name !== '_loaded_at');

const READ_COLUMNS = Object.entries(ROW_COLUMNS)
  .map(([name, type]) => `'${name}': '${type}'`)
  .join(', ');

/** Some rows of a table, in ascending order, with what they share. */
export function eventRows(table: RowTable, rows: readonly number[], places: RawPlaces, batchId: number): EventRows {
  const used = table.groupsOf(rows);
  const contracts = [...new Set(used.flatMap(({ contract }) => contract ?? []))];
  const clashing = new Set(used.flatMap(({ contract, clashes }) => (clashes && contract ? contract : [])));
  const shared = used.map((group) => sharedBy(group, places, contracts));
  const groups = shared.map((group) => `(${literals(group).join(', ')})`);
  const select = (file: string): string =>
    `SELECT * EXCLUDE (g, group_line, line_base), (line_base + group_line)::INTEGER AS _raw_line,
            ${batchId}::BIGINT AS _batch_id, event_time::DATE AS ${EVENT_DATE_COLUMN}
       FROM read_csv(${quoteLiteral(file)}, ${READ_OPTIONS}, columns={${READ_COLUMNS}})
       JOIN (VALUES ${groups.join(', ')}) AS groups (${GROUP_COLUMNS}) USING (g)`;
  return { bytes: table.gather(rows), select, shared, contracts, clashing };
}

function sharedBy(
  { number, contract, ...group }: RowGroup,
  places: RawPlaces,
  contracts: readonly ContractInForce[],
): SharedColumns {
  const { part, lineBase } = places.ofGroup[group.rawGroup];
  return {
    g: number,
    event_type: group.eventType,
    event_version: group.eventVersion,
    tenant_id: group.tenantId,
    schema_hash: contract?.schemaHash ?? null,
    _source: group.acceptSource,
    _raw_part: places.parts[part].path,
    line_base: lineBase,
    _contract_version: contract?.label ?? null,
    contract_no: contract ? contracts.indexOf(contract) : null,
  };
}

/** In the order of GROUP_COLUMNS. */
function literals(shared: SharedColumns): (string | number)[] {
  const text = (value: string | null): string => (value === null ? 'NULL::VARCHAR' : quoteLiteral(value));
  return [
    shared.g,
    text(shared.event_type),
    shared.event_version,
    text(shared.tenant_id),
    text(shared.schema_hash),
    text(shared._source),
    text(shared._raw_part),
    shared.line_base,
    text(shared._contract_version),
    shared.contract_no ?? 'NULL::INTEGER',
  ];
}

/** Out of a table that holds `EventRows.select`: the columns of `clean.events`. */
export const selectEvents = (table: string): string => `SELECT ${STAGED_EVENTS_COLUMNS.join(', ')} FROM ${table}`;

/** Out of a table that holds `EventRows.select`: a contract's typed columns. Raises for a payload that does not fit. */
export function selectTyped(
  table: string,
  contractNo: number,
  { contracts, clashing }: Pick<EventRows, 'contracts' | 'clashing'>,
): string {
  const { compiled } = contracts[contractNo];
  const { typedSelect, lenientSelect, recovered, recovers } = compiled;
  const select = (columns: readonly string[], parsed: string): string =>
    `SELECT ${[...KEYS, ...columns, ...STAGED_LINEAGE_COLUMNS, EVENT_DATE_COLUMN].join(', ')} FROM (${parsed})`;
  const rows = (which: string): string => `(SELECT * FROM ${table} WHERE contract_no = ${contractNo}${which})`;
  if (!recovers) return select(typedSelect, compiled.typedRows(rows('')));
  // Rows that fit are cast as always, and one that after all does not is an error.
  const fitting = compiled.typedRows(rows(' AND clashes IS NULL'));
  const fits = select([...typedSelect, `NULL::VARCHAR AS ${RECOVERED_COLUMN}`], fitting);
  // To plan what no row needs takes longer than all the rest of a small batch.
  if (!clashing.has(contracts[contractNo])) return fits;
  const others = compiled.lenientRows(rows(' AND clashes'));
  return `${fits} UNION ALL ${select([...lenientSelect, `${recovered} AS ${RECOVERED_COLUMN}`], others)}`;
}

const KEYS = TYPED_KEY_COLUMNS.map(({ name }) => name);
