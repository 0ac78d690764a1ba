import { type CompiledContract, RECOVERED_COLUMN } from '@millrace/contracts';
import { type Duck, quoteList, quoteLiteral } from '@millrace/lakehouse';
import {
  DUCKDB_MACROS,
  isBatchOf,
  type Mart,
  type MartDefinition,
  martSql,
  partitionsUsingSql,
  touchedPartitionsSql,
} from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import { EVENT_DATE_COLUMN, LINEAGE_COLUMNS, TYPED_KEY_COLUMNS } from '@millrace/topics';
import type { JoinedDimension, RowQuestions, TableAt, UntypedRows } from './row-questions';

/** Questions in SQL, answered by DuckDB. */
export class DuckQuestions implements RowQuestions {
  constructor(
    private readonly duck: Duck,
    private readonly storage: Pick<Storage, 'localPath'>,
  ) {}

  async rowsByBatch({ table, snapshot }: TableAt, batchIds: readonly number[]): Promise<Map<number, number>> {
    const range = rangeOf(batchIds);
    const relation = await table.scanSql(snapshot, {
      files: table.prune(snapshot, { _batch_id: range }),
      columns: ['_batch_id'],
    });
    const found = await this.duck.query(
      `SELECT _batch_id AS id, count(*) AS rows FROM (${relation}) WHERE ${isBatchOf(batchIds)} GROUP BY 1`,
    );
    return new Map(found.map((row) => [Number(row.id), Number(row.rows)]));
  }

  async touched(mart: Mart, files: readonly string[]): Promise<string[]> {
    const rows = await this.duck.query(touchedPartitionsSql(mart, await this.staged(files)));
    return rows.map((row) => String(row.partition_value));
  }

  async using(
    mart: Mart,
    dimension: JoinedDimension,
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

  async untyped(
    contract: CompiledContract,
    { table, snapshot }: TableAt,
    batchIds: readonly number[] | null,
    loadedAt: string,
  ): Promise<UntypedRows> {
    if (batchIds?.length === 0) return { source: '', rows: 0, partitionsOf: async () => [] };
    const range = batchIds && rangeOf(batchIds);
    const files = range ? { files: table.prune(snapshot, { _batch_id: range }) } : {};
    const wanted = [
      `event_type IN (${quoteList(contract.eventTypes).slice(1, -1)})`,
      '_contract_version IS NULL',
      ...(batchIds ? [isBatchOf(batchIds)] : []),
    ];
    const untyped = `(SELECT * FROM (${await table.scanSql(snapshot, files)}) WHERE ${wanted.join(' AND ')})`;
    const [{ n }] = await this.duck.query(`SELECT count(*) AS n FROM ${untyped}`);
    const source = typedSql(contract, untyped, loadedAt);
    const partitionsOf = async (mart: Mart): Promise<string[]> => {
      const found = await this.duck.query(touchedPartitionsSql(mart, `(${source})`));
      return found.map((row) => String(row.partition_value));
    };
    return { source, rows: Number(n), partitionsOf };
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
      if (!mart.sources.includes(id)) continue;
      // Where the partition expression is a column of the source, its statistics leave out the files of other days.
      const files = table.prune(snapshot, { [mart.partitionExpression]: { values: partitions } });
      sources[id] = `(${await table.scanSql(snapshot, { files })})`;
    }
    return martSql(mart, { sources, columns, partitions });
  }
}

/** Not by spreading: a call takes some ten thousand arguments. */
const rangeOf = (ids: readonly number[]): { min: number; max: number } => ({
  min: ids.reduce((a, b) => Math.min(a, b)),
  max: ids.reduce((a, b) => Math.max(a, b)),
});

/** Rows of `clean.events` as a contract's table has them; what does not fit is recovered, where the table has a place. */
function typedSql(contract: CompiledContract, events: string, loadedAt: string): string {
  const lineage = LINEAGE_COLUMNS.map(({ name }) => {
    if (name === '_contract_version') return `${quoteLiteral(`${contract.name}@${contract.version}`)} AS ${name}`;
    return name === '_loaded_at' ? `TIMESTAMPTZ ${quoteLiteral(loadedAt)} AS ${name}` : name;
  });
  const columns = [
    ...TYPED_KEY_COLUMNS.map(({ name }) => name),
    ...contract.lenientSelect,
    ...(contract.recovers ? [`${contract.recovered} AS ${RECOVERED_COLUMN}`] : []),
    ...lineage,
    EVENT_DATE_COLUMN,
  ];
  return `SELECT ${columns.join(', ')} FROM (${contract.lenientRows(events)})`;
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
