import { openDuck } from '@millrace/lakehouse';
import { DeltaTable } from '@millrace/lakehouse';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { CATALOG_PREFIX, type Catalog } from '@millrace/topics';

/** Rows of one table at the newest catalog, and how many distinct events they are of. */
export interface TableCount {
  readonly rows: number;
  readonly events: number;
}

/** Counts straight from the Delta tables, without any service. */
export async function countTables(lakeDir: string, tables: readonly string[]): Promise<Record<string, TableCount>> {
  const storage = createFilesystemStorage({ root: lakeDir });
  const duck = await openDuck({ memoryLimitMb: 512 });
  try {
    let last = '';
    for await (const { path } of storage.list(CATALOG_PREFIX)) last = path;
    const catalog = JSON.parse((await storage.get(last)).toString('utf8')) as Catalog;
    const counts: Record<string, TableCount> = {};
    for (const id of tables) {
      const { root, version } = catalog.tables[id];
      const table = await DeltaTable.open(storage, root, { duck });
      const relation = await table.scanSql(await table.at({ version }));
      const [row] = await duck.query(`SELECT count(*) AS n, count(DISTINCT event_id) AS events FROM (${relation})`);
      counts[id] = { rows: Number(row.n), events: Number(row.events) };
    }
    return counts;
  } finally {
    await duck.close();
  }
}
