import { ConcurrentModification, TransactionContradiction } from '../errors';
import type { Action, Metadata } from './actions';
import type { Commit } from './delta-log';
import { parseSchema, shape } from './schema';

/** Makes a commit idempotent: versions of one application only grow. */
export interface TransactionId {
  readonly appId: string;
  readonly version: number;
  /**
   * The version that this one continues. The table's own may be equal or lower (it got nothing from versions between),
   * never between the two: that is a contradiction, and an error.
   */
  readonly expected?: number;
}

/** What of the table a commit depends on; decides which commits of others it may follow. */
export interface Dependence {
  /** Partitions (by `partitionKey`) whose rows are replaced, or all; null when no row already there matters. */
  readonly rows: ReadonlySet<string> | 'all' | null;
  /** The column of those partitions. */
  readonly partitionColumn?: string;
  readonly txn?: TransactionId;
}

/** A text that tells null from every value. */
export const partitionKey = (value: string | null | undefined): string =>
  value == null || value === '' ? '\0' : value;

/** True when the table holds the transaction already. Throws `TransactionContradiction`. */
export function isDuplicate(txn: TransactionId | undefined, found: number | null): boolean {
  if (!txn || found === null) return false;
  if (found >= txn.version) return true;
  if (txn.expected !== undefined && found > txn.expected) throw new TransactionContradiction(txn.appId, txn, found);
  return false;
}

/**
 * What keeps `ours`, planned without knowledge of `theirs`, from being committed after it: null when nothing does,
 * `duplicate` when theirs was the same transaction. Throws `TransactionContradiction`. (PROTOCOL.md leaves the rules to
 * the writer; these give serializable writes for what this library commits.)
 */
export function conflictWith(
  ours: readonly Action[],
  depends: Dependence,
  theirs: Commit,
  read: Metadata,
): ConcurrentModification | 'duplicate' | null {
  const changesDefinition = ours.some((a) => 'metaData' in a || 'protocol' in a);
  const removed = new Set(ours.flatMap((a) => ('remove' in a ? [a.remove.path] : [])));
  let rows: string | null = null;
  let definition: string | null = null;
  let arrangement: string | null = null;
  for (const action of theirs.actions) {
    if ('txn' in action && action.txn.appId === depends.txn?.appId && isDuplicate(depends.txn, action.txn.version)) {
      return 'duplicate';
    }
    if ('protocol' in action) definition = 'the protocol changed';
    if ('metaData' in action && (changesDefinition || !onlyAddsColumns(read, action.metaData))) {
      definition = "the table's definition changed";
    }
    if ('add' in action && action.add.dataChange && touches(depends, action.add.partitionValues)) {
      rows = 'rows were added where this commit replaces rows';
    }
    if ('remove' in action) {
      const { path, dataChange, partitionValues } = action.remove;
      if (dataChange && (removed.has(path) || touches(depends, partitionValues))) {
        rows = 'rows were removed where this commit replaces or moves rows';
      } else if (removed.has(path)) arrangement = 'a file that this commit removes was rewritten';
    }
  }
  if (rows) return new ConcurrentModification(rows, theirs.version, 'rows');
  if (definition) return new ConcurrentModification(definition, theirs.version, 'definition');
  return arrangement ? new ConcurrentModification(arrangement, theirs.version, 'arrangement') : null;
}

function touches(depends: Dependence, values: Readonly<Record<string, string | null>> | null | undefined): boolean {
  if (depends.rows === null) return false;
  if (depends.rows === 'all' || depends.partitionColumn === undefined) return true;
  // A removal without its partition may be anywhere.
  if (!values || !(depends.partitionColumn in values)) return true;
  return depends.rows.has(partitionKey(values[depends.partitionColumn]));
}

/** Files of the old columns are files of the new table then: the added ones are null in them. */
function onlyAddsColumns(from: Metadata, to: Metadata): boolean {
  if (from.id !== to.id || JSON.stringify(from.partitionColumns) !== JSON.stringify(to.partitionColumns)) return false;
  const settings = (m: Metadata): string => JSON.stringify(Object.entries(m.configuration ?? {}).sort());
  if (settings(from) !== settings(to)) return false;
  const old = parseSchema(from.schemaString);
  const now = parseSchema(to.schemaString);
  return (
    old.every(
      (f, i) => now[i]?.name === f.name && same(shape(now[i].type), shape(f.type)) && now[i].nullable === f.nullable,
    ) && now.slice(old.length).every((f) => f.nullable)
  );
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
