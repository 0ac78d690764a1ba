import { type AddFile, DeltaTable, type Duck, holdingSql, rowsHolding, TableNotFound } from '@millrace/lakehouse';
import { CatalogLog } from '@millrace/lakehouse/catalog';
import { MARTS, touchedPartitionsSql } from '@millrace/marts';
import type { Clock } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { STAGED_PREFIX } from '../staging/paths';

export interface LakeSearchDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly clock: Clock;
  readonly monotonicMs: () => number;
}

/** What a table has of some keys' tokens. */
export interface TableFound {
  readonly table: string;
  /** Files looked at. */
  readonly searched: number;
  readonly bytes: number;
  readonly rows: number;
  /** Files that have such rows. */
  readonly files: number;
  /** Partitions of these files, e.g. `2026-11-21`. */
  readonly partitions: readonly string[];
  /** Partitions of marts that are made from such rows. */
  readonly martPartitions: Readonly<Record<string, readonly string[]>>;
}

/** Names of partitions that an answer lists of a table or mart. */
const PARTITIONS_MAX = 400;
/** Staged files looked through at once. */
const STAGED_AT_ONCE = 256;

/** Looks for rows with tokens of keys, in every table that the newest catalog names and in staged files. Changes nothing. */
export class LakeSearch {
  private readonly catalog: CatalogLog;

  constructor(private readonly deps: LakeSearchDeps) {
    this.catalog = new CatalogLog(deps.storage, deps.monotonicMs);
  }

  /** Ids of all tables, in order; those of marts begin with `mart.`. */
  async tables(): Promise<string[]> {
    return Object.keys((await this.catalog.refresh())?.tables ?? {}).sort();
  }

  /** Bytes of each table's files. */
  async sizes(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for (const id of await this.tables()) {
      const files = [...((await this.open(id))?.snapshot.files.values() ?? [])];
      sizes.set(
        id,
        files.reduce((sum, { size }) => sum + size, 0),
      );
    }
    return sizes;
  }

  /** Null where there is no such table. */
  async table(id: string, marks: readonly string[], signal?: AbortSignal): Promise<TableFound | null> {
    const table = await this.open(id);
    if (!table) return null;
    const all = [...table.snapshot.files.values()];
    const holding = await table.filesHolding(marks, table.snapshot, signal);
    const files = holding.map(({ file }) => file);
    const names = files.flatMap(({ partitionValues }) => Object.values(partitionValues).map(String));
    return {
      table: id,
      searched: all.length,
      bytes: all.reduce((sum, { size }) => sum + size, 0),
      rows: holding.reduce((sum, { rows }) => sum + rows, 0),
      files: files.length,
      partitions: [...new Set(names)].sort().slice(0, PARTITIONS_MAX),
      martPartitions: files.length === 0 ? {} : await this.martPartitions(id, table, files, marks),
    };
  }

  /** Data files that the newest version of a table does not name and that have such rows. */
  async unused(id: string, marks: readonly string[], signal?: AbortSignal): Promise<number> {
    const table = await this.open(id);
    const files = table ? await table.unusedHolding(marks, signal) : [];
    return files.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Staged files with such rows, and how many files there are. */
  async staged(marks: readonly string[]): Promise<{ readonly searched: number; readonly holding: readonly string[] }> {
    const { storage, duck } = this.deps;
    const paths: string[] = [];
    for await (const { path } of storage.list(STAGED_PREFIX)) if (path.endsWith('.parquet')) paths.push(path);
    const holding: string[] = [];
    for (let i = 0; i < paths.length; i += STAGED_AT_ONCE) {
      const some = paths.slice(i, i + STAGED_AT_ONCE);
      for (const path of some) {
        const local = await storage.localPath(path).catch(() => null);
        // It may be deleted, or be written just now: what is being written is under no destroyed key.
        const rows = local === null ? null : await rowsHolding(duck, [local], marks).catch(() => null);
        if (rows && rows.size > 0) holding.push(path);
      }
    }
    return { searched: paths.length, holding };
  }

  private async martPartitions(
    id: string,
    table: DeltaTable,
    files: readonly AddFile[],
    marks: readonly string[],
  ): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    const source = await table.scanSql(table.snapshot, { files });
    const columns = (await this.deps.duck.query(`DESCRIBE ${source}`)).map((row) => ({
      name: String(row.column_name),
      duckType: String(row.column_type),
    }));
    const rows = `(SELECT * FROM (${source}) WHERE ${holdingSql(columns, marks)})`;
    for (const mart of MARTS) {
      if (!mart.sources.includes(id)) continue;
      const values = await this.deps.duck.query(touchedPartitionsSql(mart, rows));
      found[mart.id] = values
        .map((row) => String(row['partition_value']))
        .sort()
        .slice(0, PARTITIONS_MAX);
    }
    return found;
  }

  private async open(id: string): Promise<DeltaTable | null> {
    const { storage, duck, clock } = this.deps;
    const entry = (await this.catalog.refresh())?.tables[id];
    if (!entry) return null;
    try {
      return await DeltaTable.open(storage, entry.root, { duck, clock });
    } catch (error) {
      if (error instanceof TableNotFound) return null;
      throw error;
    }
  }
}
