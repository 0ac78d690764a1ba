import { type Duck, quoteList } from '@millrace/lakehouse';
import {
  DUCKDB_MACROS,
  type MartDefinition,
  type MartDimension,
  martSql,
  partitionsUsingSql,
  touchedPartitionsSql,
} from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import type { RowQuestions, TableAt } from './row-questions';

/** Questions in SQL, answered by DuckDB. */
export class DuckQuestions implements RowQuestions {
  constructor(
    private readonly duck: Duck,
    private readonly storage: Pick<Storage, 'localPath'>,
  ) {}

  async rowsByBatch({ table, snapshot }: TableAt, batchIds: readonly number[]): Promise<Map<number, number>> {
    const range = { min: Math.min(...batchIds), max: Math.max(...batchIds) };
    const relation = await table.scanSql(snapshot, {
      files: table.prune(snapshot, { _batch_id: range }),
      columns: ['_batch_id'],
    });
    const found = await this.duck.query(
      `SELECT _batch_id AS id, count(*) AS rows FROM (${relation}) WHERE _batch_id IN (${batchIds.join(', ')}) GROUP BY 1`,
    );
    return new Map(found.map((row) => [Number(row.id), Number(row.rows)]));
  }

  async touched(mart: MartDefinition, files: readonly string[]): Promise<string[]> {
    const rows = await this.duck.query(touchedPartitionsSql(mart, await this.staged(files)));
    return rows.map((row) => String(row.partition_value));
  }

  async using(
    mart: MartDefinition,
    dimension: MartDimension,
    files: readonly string[],
    { table, snapshot }: TableAt,
  ): Promise<string[]> {
    const source = `(${await table.scanSql(snapshot, { files: [...snapshot.files.values()] })})`;
    const rows = await this.duck.query(partitionsUsingSql(mart, dimension, source, await this.staged(files)));
    return rows.map((row) => String(row.partition_value));
  }

  private async staged(files: readonly string[]): Promise<string> {
    const local = await Promise.all(files.map((file) => this.storage.localPath(file)));
    return `read_parquet(${quoteList(local)}, union_by_name = true, hive_partitioning = false)`;
  }

  async mart(
    mart: MartDefinition,
    partitions: readonly string[],
    tables: ReadonlyMap<string, TableAt>,
  ): Promise<string> {
    await prepareDuck(this.duck);
    const sources: Record<string, string> = {};
    const columns: Record<string, ReadonlySet<string>> = {};
    for (const [id, { table, snapshot }] of tables) {
      if (mart.dimensions.some((dimension) => dimension.table === id)) {
        sources[id] = `(${await table.scanSql(snapshot, { files: [...snapshot.files.values()] })})`;
        columns[id] = new Set(snapshot.fields.map(({ name }) => name));
        continue;
      }
      // Where the partition expression is a column of the source, its statistics leave out the files of other days.
      const files = table.prune(snapshot, { [mart.partitionExpression]: { values: partitions } });
      sources[id] = `(${await table.scanSql(snapshot, { files })})`;
    }
    return martSql(mart, { sources, columns, partitions });
  }
}

const prepared = new WeakMap<Duck, Promise<void>>();

/**
 * Makes BigQuery's names known to every connection of a DuckDB: a macro that is not temporary belongs to the instance.
 * Once for each; of two definitions at once DuckDB would refuse one.
 */
export function prepareDuck(duck: Duck): Promise<void> {
  let preparing = prepared.get(duck);
  if (!preparing) {
    preparing = defineMacros(duck);
    prepared.set(duck, preparing);
    // A failure is not remembered.
    preparing.catch(() => prepared.delete(duck));
  }
  return preparing;
}

async function defineMacros(duck: Duck): Promise<void> {
  for (const macro of DUCKDB_MACROS)
    await duck.query(macro.replace('CREATE OR REPLACE TEMP MACRO', 'CREATE OR REPLACE MACRO'));
}
