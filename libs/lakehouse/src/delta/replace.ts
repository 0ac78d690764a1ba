import { SchemaMismatch } from '../errors';
import { partitionKey } from './conflicts';
import { normalizePartitionValue } from './partition-values';
import type { Snapshot } from './snapshot';
import type { TableContext } from './table-context';
import { type WriteOptions, type WriteResult, writeRows } from './write';

export interface ReplaceOptions extends WriteOptions {
  /**
   * The snapshot of this table that the new rows were made from, where they were: what others committed to the replaced
   * rows since then is a conflict. Default the newest version at the call.
   */
  readonly basedOn?: Snapshot;
}

/**
 * Puts the rows of `sql` in place of all rows of the named partitions, in one commit; a partition that gets no rows is
 * gone. Other partitions, and what others commit to them meanwhile, are not touched. Rows of `sql` outside the named
 * partitions are a `SchemaMismatch`.
 *
 * Throws `ConcurrentModification` when another commit changed rows of these partitions meanwhile: the rows of `sql` may
 * be older than those, so the caller decides anew.
 */
export async function replacePartitions(
  context: TableContext,
  column: string,
  values: readonly (string | null)[],
  sql: string,
  options: ReplaceOptions,
): Promise<WriteResult> {
  const start = options.basedOn ?? (await context.refresh());
  const wanted = new Set(values.map((value) => partitionKey(normalizeIn(start, column, value))));
  return writeRows(
    context,
    start,
    {
      operation: 'WRITE',
      parameters: (snapshot) => ({
        mode: 'Overwrite',
        partitionBy: JSON.stringify(snapshot.partitionColumns),
        predicate: predicate(column, values),
      }),
      depends: { rows: wanted, partitionColumn: column },
      replaces: (snapshot) =>
        [...snapshot.files.values()].filter((file) => wanted.has(partitionKey(file.partitionValues[column]))),
      check: (adds) => {
        const stray = adds.find((add) => !wanted.has(partitionKey(add.partitionValues[column])));
        if (stray) {
          throw new SchemaMismatch(
            `rows of partition ${column} = ${stray.partitionValues[column]}, which is not replaced`,
          );
        }
      },
      source: async () => sql,
    },
    options,
  );
}

/** Puts the rows of `sql` in place of all rows of the table, in one commit. Conflicts with every change of rows. */
export async function overwrite(context: TableContext, sql: string, options: ReplaceOptions): Promise<WriteResult> {
  return writeRows(
    context,
    options.basedOn ?? (await context.refresh()),
    {
      operation: 'WRITE',
      parameters: (snapshot) => ({ mode: 'Overwrite', partitionBy: JSON.stringify(snapshot.partitionColumns) }),
      depends: { rows: 'all' },
      replaces: (snapshot) => [...snapshot.files.values()],
      source: async () => sql,
    },
    options,
  );
}

function normalizeIn(snapshot: Snapshot, column: string, value: string | null): string | null {
  const field = snapshot.fields.find((f) => f.name === column);
  if (!field || !snapshot.partitionColumns.includes(column))
    throw new SchemaMismatch(`${column} is no partition column`);
  return normalizePartitionValue(column, field.type, value);
}

/** For people who read the history; cut, for a rebuild may name thousands. */
function predicate(column: string, values: readonly (string | null)[]): string {
  const shown = values.slice(0, 20).map((v) => (v === null ? 'NULL' : `'${v.replaceAll("'", "''")}'`));
  return `${column} IN (${shown.join(', ')}${values.length > 20 ? `, … ${values.length - 20} more` : ''})`;
}
