import { isBatchOf } from './batch-ids';
import { type MartDefinition, martSql } from './mart';

/** Batches by their ids: those up to one, without some. */
export interface BatchIds {
  readonly upTo: number;
  readonly except: readonly number[];
}

export interface AsKnownOptions {
  /** Names of SQL relations by table id, of the sources and of those dimensions that are there. Trusted text. */
  readonly relations: Readonly<Record<string, string>>;
  /** Columns of the dimensions' tables by table id. */
  readonly columns: Readonly<Record<string, ReadonlySet<string>>>;
  readonly batches: BatchIds;
  /** What is bound in the question, of `$from` and `$to` (days, inclusive) and `$tenant`; the rest is unbounded. */
  readonly bound: Readonly<Partial<Record<'from' | 'to' | 'tenant', unknown>>>;
}

/**
 * A relation with the rows that a mart had, or would have had, when no more than these batches were there. Rows of a batch
 * stay as they are once they are committed, so the tables as they are now can tell.
 */
export function martAsKnownSql(mart: MartDefinition, { relations, columns, batches, bound }: AsKnownOptions): string {
  const { upTo, except } = batches;
  const shared = [`_batch_id <= ${BigInt(upTo)}`];
  if (except.length > 0) shared.push(`NOT ${isBatchOf(except)}`);
  if (bound.tenant !== undefined) shared.push('tenant_id = $tenant');
  // A row without a partition is in none.
  const own = [...shared, `${mart.partitionExpression} IS NOT NULL`];
  if (bound.from !== undefined) own.push(`${mart.partitionExpression} >= CAST($from AS DATE)`);
  if (bound.to !== undefined) own.push(`${mart.partitionExpression} <= CAST($to AS DATE)`);
  const sources = Object.entries(relations).map(([id, name]) => {
    const wanted = mart.sources.includes(id) ? own : shared;
    return [id, `(SELECT * FROM ${name} WHERE ${wanted.join(' AND ')})`];
  });
  return `(${martSql(mart, { sources: Object.fromEntries(sources), columns })})`;
}
