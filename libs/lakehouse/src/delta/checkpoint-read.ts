import { type DuckConnection, quoteIdentifier, quoteList } from '../duckdb';
import { UnsupportedTable } from '../errors';
import type { Action } from './actions';
import type { DeltaLog } from './delta-log';

const KINDS = ['protocol', 'metaData', 'txn', 'domainMetadata', 'remove', 'add'] as const;

/**
 * The actions of a classic checkpoint, of one part or several. Only members that the log's JSON has are read: columns
 * such as `stats_parsed` repeat them in another form.
 */
export async function readCheckpoint(log: DeltaLog, names: readonly string[], duck: DuckConnection): Promise<Action[]> {
  const local = await Promise.all(names.map((name) => log.storage.localPath(log.path(name))));
  const relation = `read_parquet(${quoteList(local)}, union_by_name = true, hive_partitioning = false)`;
  const described = await duck.query(`DESCRIBE SELECT * FROM ${relation}`);
  const types = new Map(described.map((row) => [String(row.column_name), String(row.column_type)]));
  if (types.has('sidecar')) {
    const used = await duck.query(`SELECT 1 FROM ${relation} WHERE sidecar IS NOT NULL LIMIT 1`);
    if (used.length > 0) throw new UnsupportedTable('v2 checkpoints with sidecars');
  }

  const actions: Action[] = [];
  for (const kind of KINDS) {
    const type = types.get(kind);
    if (type === undefined) continue;
    const members = memberNames(type).filter((name) => !name.endsWith('_parsed'));
    const packed = members.map((name) => `${quoteIdentifier(name)} := ${kind}.${quoteIdentifier(name)}`).join(', ');
    const rows = await duck.query(
      `SELECT to_json(struct_pack(${packed}))::VARCHAR AS j FROM ${relation} WHERE ${kind} IS NOT NULL`,
    );
    for (const row of rows) {
      const members = Object.entries(JSON.parse(String(row.j)) as object).filter(([, value]) => value !== null);
      actions.push({ [kind]: Object.fromEntries(members) } as unknown as Action);
    }
  }
  return actions;
}

/** Member names of `STRUCT(a INTEGER, "b" STRUCT(…))`, the outer ones alone. */
function memberNames(type: string): string[] {
  const names: string[] = [];
  let depth = 0;
  let part = '';
  for (const c of `${type.slice('STRUCT('.length, -1)},`) {
    if (c === '(') depth++;
    if (c === ')') depth--;
    if (c === ',' && depth === 0) {
      names.push(part.trim().split(' ')[0].replaceAll('"', ''));
      part = '';
    } else part += c;
  }
  return names;
}
