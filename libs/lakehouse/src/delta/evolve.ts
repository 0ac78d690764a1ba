import { assertWritable } from './protocol-support';
import { assertNames, type ColumnDefinition, mergeFields, toFields } from './schema';
import { PLANS_MAX, type TableContext } from './table-context';
import { withFields } from './write';

/** Adds those of `columns` that the table lacks, at its end and nullable. A no-op when it has them all. */
export async function addColumns(context: TableContext, columns: readonly ColumnDefinition[]): Promise<number> {
  const wanted = toFields(columns, []);
  let snapshot = await context.refresh();
  for (let plans = 1; ; plans++) {
    assertWritable(snapshot, { removesRows: false });
    const { fields, added } = mergeFields(snapshot.fields, wanted);
    if (added.length === 0) return snapshot.version;
    assertNames(fields);
    const committed = await context.commit(snapshot, {
      actions: [{ metaData: withFields(snapshot.metadata, fields) }],
      depends: { rows: null },
      operation: 'ADD COLUMNS',
      parameters: { columns: JSON.stringify(added) },
    });
    if (committed.outcome === 'committed') return committed.snapshot.version;
    if (committed.outcome === 'conflict' && plans >= PLANS_MAX) throw committed.error;
    snapshot = committed.snapshot;
  }
}
