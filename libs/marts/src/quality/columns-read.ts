import type { BatchRule, Measure } from '@millrace/contracts';

/** What each rule reads of the rows of its day beside the columns that it names. */
export const DAY_COLUMNS: readonly string[] = ['tenant_id', 'event_id', 'event_time', 'ingest_time'];

/** Columns of its own table that a rule names. */
export function ownColumns(measure: Measure): readonly string[] {
  switch (measure.metric) {
    case 'rowCount':
    case 'freshness':
      return [];
    case 'duplicateValues':
      return measure.columns;
    case 'zScore':
      return measure.column === null ? [] : [measure.column];
    case 'comparison': {
      const { left, right } = measure.comparison;
      return 'column' in right ? [left, right.column] : [left];
    }
    default:
      return [measure.column];
  }
}

/** The column of another table that a rule looks its keys up in; null for all other rules. */
export function referenceOf({ measure }: BatchRule): { readonly table: string; readonly column: string } | null {
  return measure.metric === 'foreignKey' && 'table' in measure.references ? measure.references : null;
}

/** The table of the dimension that a rule looks its keys up in; null for all other rules. */
export function dimensionTableOf({ measure }: BatchRule): string | null {
  const { metric } = measure;
  return metric === 'foreignKey' && 'dimension' in measure.references ? `dim.${measure.references.dimension}` : null;
}

/**
 * The rules that something can be said of: their columns are there. Nothing can be said of a column that has had no row
 * yet, or of a key into a table without one.
 *
 * @param columns names of the columns of a table, in lower case; null where it is not there
 */
export function judgeable(
  { table, quality }: { readonly table: string; readonly quality: readonly BatchRule[] },
  columns: (table: string) => ReadonlySet<string> | null,
): BatchRule[] {
  const has = (id: string, name: string): boolean => columns(id)?.has(name.toLowerCase()) ?? false;
  return quality.filter((rule) => {
    const reference = referenceOf(rule);
    return (
      ownColumns(rule.measure).every((name) => has(table, name)) &&
      (reference === null || has(reference.table, reference.column))
    );
  });
}
