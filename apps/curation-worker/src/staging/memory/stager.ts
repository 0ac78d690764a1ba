import { RECOVERED_COLUMN } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, EVENTS_COLUMNS, EVENTS_TABLE, type StagedFile } from '@millrace/topics';
import { LINEAGE_COLUMNS, TYPED_KEY_COLUMNS } from '@millrace/topics';
import type { ContractInForce } from '../../contracts/in-force';
import type { EventRows } from '../event-rows';
import { stagedPath } from '../paths';
import { ROW_COLUMNS } from '../row-table';
import { type Stager, Unstorable, type Writer } from '../stager';
import { readDelimited } from './read-delimited';

export type Row = Readonly<Record<string, unknown>>;

export interface MemoryStagerOptions {
  readonly storage: Pick<Storage, 'createIfAbsent'>;
  /** Whether a landed row cannot be held, as some are that pass every check. Default none. */
  readonly refuses?: (row: Row) => boolean;
}

/**
 * Stages rows as lines of JSON. What DuckDB does to them beside that is left out: texts stay texts, and a payload's
 * columns are the fields of its contract that it has.
 */
export function createMemoryStager({ storage, refuses = () => false }: MemoryStagerOptions): Stager {
  const put = async (rows: readonly Row[], table: string, writer: Writer, written: string[]): Promise<StagedFile> => {
    const path = stagedPath(table, writer.batchId, writer.epoch);
    const bytes = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    written.push(path);
    await storage.createIfAbsent(path, bytes);
    return { kind: 'clean', table, path, rows: rows.length, bytes: bytes.length };
  };
  const events = (rows: EventRows, batchId: number): Row[] => {
    const found = landedRows(rows, batchId);
    if (found.some(refuses)) throw new Unstorable('a row that no table can hold');
    return found;
  };
  return {
    use: (task) =>
      task({
        events: async (rows, writer, written) => {
          const all = events(rows, writer.batchId);
          const files = [await put(all.map(clean), EVENTS_TABLE, writer, written)];
          for (const [no, contract] of rows.contracts.entries()) {
            const { name, version, table } = contract.compiled;
            const typed = all.filter((row) => row['contract_no'] === no).map((row) => typedOf(row, contract));
            files.push({ ...(await put(typed, table, writer, written)), contract: { name, version } });
          }
          return files;
        },
        table: async ({ table, columns, bytes }, writer, written) =>
          put(
            readDelimited(bytes).map((cells) =>
              Object.fromEntries(columns.map(({ name, type }, i) => [name, cellOf(cells[i], type)])),
            ),
            table,
            writer,
            written,
          ),
        canStore: async (rows) => !landedRows(rows, 0).some(refuses),
        // Expressions are columns here.
        values: async (rows, questions) => {
          const typed = landedRows(rows, 0).flatMap((row) => {
            const contract = rows.contracts[Number(row['contract_no'])];
            return row['contract_no'] === null || !contract ? [] : [{ contract, cells: typedOf(row, contract) }];
          });
          return new Map(
            questions.map(({ name, tables, expression }) => {
              const own = typed.filter(({ contract }) => tables.includes(contract.compiled.table));
              return [name, [...new Set(own.map(({ cells }) => String(cells[expression])))].sort()];
            }),
          );
        },
      }),
  };
}

/** Rows as `EventRows.select` yields them. */
function landedRows(rows: EventRows, batchId: number): Row[] {
  const names = Object.keys(ROW_COLUMNS);
  const groups = new Map(rows.shared.map((group) => [group.g, group]));
  return readDelimited(rows.bytes).map((cells) => {
    const own: Record<string, unknown> = Object.fromEntries(names.map((name, i) => [name, cells[i]]));
    const group = groups.get(Number(own['g']));
    if (!group) throw new Error(`a row is of group ${String(own['g'])}, which is none of these`);
    const { g: _g, line_base, ...shared } = group;
    return {
      ...own,
      ...shared,
      _raw_line: line_base + Number(own['group_line']),
      _batch_id: batchId,
      [EVENT_DATE_COLUMN]: String(own['event_time']).slice(0, 10),
    };
  });
}

const CLEAN = EVENTS_COLUMNS.map(({ name }) => name).filter((name) => name !== '_loaded_at');
const KEYS = [...TYPED_KEY_COLUMNS, ...LINEAGE_COLUMNS].map(({ name }) => name).filter((name) => name !== '_loaded_at');

const clean = (row: Row): Row => Object.fromEntries(CLEAN.map((name) => [name, row[name] ?? null]));

function typedOf(row: Row, { compiled }: ContractInForce): Row {
  const payload = JSON.parse(String(row['payload'])) as Record<string, unknown>;
  const columns = compiled.columns.map(({ name, path }) => [name, valueAt(payload, path)] as const);
  return {
    ...Object.fromEntries(KEYS.map((name) => [name, row[name] ?? null])),
    ...Object.fromEntries(columns),
    ...(compiled.recovers && { [RECOVERED_COLUMN]: row['clashes'] ? JSON.stringify({ '$.payload': payload }) : null }),
    ...(JSON.parse(String(row['enriched'] ?? '{}')) as Row),
    [EVENT_DATE_COLUMN]: row[EVENT_DATE_COLUMN],
  };
}

function valueAt(payload: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key] ?? null, payload);
}

function cellOf(cell: string | null, type: string): unknown {
  if (cell === null) return null;
  if (type === 'long' || type === 'integer' || type === 'double') return Number(cell);
  return type === 'boolean' ? cell === 'true' : cell;
}
