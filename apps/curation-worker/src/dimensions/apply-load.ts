import { setImmediate as nextTurn } from 'node:timers/promises';
import type { VersionIndex } from './index-of-versions';
import { BEGINNING, type Version } from './model';

/** What a load says of one key. */
export interface LoadedRow {
  readonly key: string;
  /** Milliseconds since 1970 from when on it is so; null where the row does not say. */
  readonly fromMs: number | null;
  /** As `encodeValues` writes them; null for a key that is no more. */
  readonly values: string | null;
}

export interface Load {
  /** In a `snapshot` keys that are not named are no more; in an `upsert` they stay as they are. */
  readonly mode: 'snapshot' | 'upsert';
  /** From when on changes of known keys hold, where a row does not say. */
  readonly effectiveMs: number;
  readonly rows: readonly LoadedRow[];
}

/** What became different of one key: it has these values from one instant to another. */
export interface Change extends Version {
  readonly key: string;
  /** Null where no later version is known. */
  readonly toMs: number | null;
}

export interface Applied {
  /** Keys with other versions than before, with all of them. */
  readonly changed: ReadonlyMap<string, readonly Version[]>;
  /** In the order of the rows. */
  readonly changes: readonly Change[];
  /** Rows by what they did. */
  readonly added: number;
  readonly updated: number;
  readonly removed: number;
  readonly unchanged: number;
}

/** Rows between two turns of the event loop. */
const TURN_ROWS = 5_000;

/**
 * Lays a load over the history of a dimension (slowly changing, type 2: Kimball, The Data Warehouse Toolkit). A key that
 * was never seen is so since the beginning of time unless its row says since when; what was known stays known as it was
 * then. The same load twice changes nothing.
 */
export async function applyLoad(history: VersionIndex, { mode, effectiveMs, rows }: Load): Promise<Applied> {
  const changed = new Map<string, readonly Version[]>();
  const changes: Change[] = [];
  const did = { added: 0, updated: 0, removed: 0, unchanged: 0 };

  const set = (key: string, fromMs: number | null, values: string | null): keyof typeof did => {
    const before = changed.get(key) ?? history.versionsOf(key);
    const at = fromMs ?? (before.length === 0 ? BEGINNING : effectiveMs);
    let i = before.length - 1;
    while (i >= 0 && before[i].fromMs > at) i--;
    const present = i < 0 ? null : before[i].values;
    if (present === values) return 'unchanged';
    const replaces = i >= 0 && before[i].fromMs === at;
    const version = { fromMs: at, values };
    changed.set(key, [...before.slice(0, replaces ? i : i + 1), version, ...before.slice(i + 1)]);
    changes.push({ key, ...version, toMs: i + 1 < before.length ? before[i + 1].fromMs : null });
    if (values === null) return 'removed';
    return present === null ? 'added' : 'updated';
  };

  const named = new Set<string>();
  for (const [i, { key, fromMs, values }] of rows.entries()) {
    if (i % TURN_ROWS === TURN_ROWS - 1) await nextTurn();
    named.add(key);
    did[set(key, fromMs, values)]++;
  }
  if (mode === 'snapshot') {
    let i = 0;
    for (const [key] of history.entries()) {
      if (i++ % TURN_ROWS === TURN_ROWS - 1) await nextTurn();
      if (!named.has(key) && set(key, effectiveMs, null) === 'removed') did.removed++;
    }
  }
  return { changed, changes, ...did };
}

/** The history with the changed keys in their new form: old keys in their order, then new ones. */
export function* mergedEntries(
  history: VersionIndex,
  changed: Applied['changed'],
): Generator<readonly [string, readonly Version[]]> {
  const known = new Set<string>();
  for (const [key, versions] of history.entries()) {
    const after = changed.get(key);
    if (after) known.add(key);
    yield [key, after ?? versions];
  }
  for (const [key, versions] of changed) if (!known.has(key)) yield [key, versions];
}
