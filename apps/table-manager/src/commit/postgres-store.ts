import { type OutboxEntry, TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { BatchStaged } from '@millrace/topics';
import { foldObserved } from '../observation/postgres';
import type { BuiltPartition, Commit, CommitStore, MartPartition, Progress, Staleness } from './commit-store';
import { LineContradiction } from './plan';
import * as sql from './statements';

/** What statements run on: a pool or one of its clients. */
type Queryable = Pick<PoolClient, 'query'>;

const PRUNED_AT_ONCE = 10_000;

/** The commit store in the service's own schema. All statements are bound, sets travel as arrays. */
export class PostgresCommitStore implements CommitStore {
  readonly outbox: TableOutbox;

  constructor(private readonly pool: Pool) {
    this.outbox = new TableOutbox(pool, 'table_manager');
  }

  async receive(batches: readonly BatchStaged[]): Promise<number | null> {
    if (batches.length === 0) return null;
    const received = await transaction(this.pool, (client: Queryable) => remember(client, batches));
    // Thrown when the mark is committed: it must outlive this process.
    if (received.contradiction !== null) throw new LineContradiction(received.contradiction);
    return received.cursor;
  }

  async progress(): Promise<Progress | null> {
    const { rows } = await this.pool.query(sql.PROGRESS);
    return rows[0] ? progressOf(rows[0]) : null;
  }

  async announced({ lineId, cursor }: Progress, limit: number): Promise<BatchStaged[]> {
    const { rows } = await this.pool.query(sql.ANNOUNCED, [lineId, cursor, limit]);
    const contradicted = rows.findIndex((row) => row.contradicted_by !== null);
    if (contradicted === 0) {
      const { number, batch_id: known, contradicted_by: other } = rows[0];
      throw new LineContradiction(`number ${number} was announced as batch ${known} and as batch ${other}`);
    }
    return rows.slice(0, contradicted < 0 ? undefined : contradicted).map((row) => row.message as BatchStaged);
  }

  async plan({ lineId, cursor }: Progress, to: number): Promise<boolean> {
    const { rowCount } = await this.pool.query(sql.PLAN, [lineId, cursor, to]);
    return rowCount === 1;
  }

  async advance(commit: Commit): Promise<boolean> {
    const { lineId, cursor, to, touched, message, observed = [], contractsIndex = 0 } = commit;
    return transaction(this.pool, async (client: Queryable) => {
      const moved = await client.query(sql.ADVANCE, [lineId, cursor, to, contractsIndex]);
      if (moved.rowCount !== 1) return false;
      await client.query(sql.APPLY, [lineId, to]);
      const pairs = [...touched].flatMap(([mart, partitions]) => [...partitions].map((p) => [mart, p] as const));
      if (pairs.length > 0) await client.query(sql.TOUCH, [pairs.map((p) => p[0]), pairs.map((p) => p[1]), to]);
      await foldObserved(client, observed);
      await this.outbox.leave([message], client);
      return true;
    });
  }

  async stale(marts: readonly string[], limit: number): Promise<{ cursor: number; marts: Map<string, Staleness> }> {
    const { rows } = await this.pool.query(sql.STALE, [marts, limit]);
    const cursor = Number(rows[0]?.cursor ?? 0);
    const found = new Map<string, Staleness>();
    for (const mart of marts) {
      const stale = rows.filter((row) => row.mart === mart);
      // Those that were cut off wait from the last one's number on, at the earliest.
      const upTo = stale.length < limit ? cursor : Math.min(cursor, Number(stale[limit - 1].stale_from) - 1);
      const named = stale.map((row) => ({
        ...{ partition: String(row.partition), staleFrom: Number(row.stale_from), asked: Number(row.asked) },
      }));
      found.set(mart, { stale: named, upTo });
    }
    return { cursor, marts: found };
  }

  async frozenAmong(partitions: readonly MartPartition[]): Promise<MartPartition[]> {
    if (partitions.length === 0) return [];
    const columns = [partitions.map((p) => p.mart), partitions.map((p) => p.partition)];
    const { rows } = await this.pool.query(sql.FROZEN_AMONG, columns);
    return rows.map((row) => ({ mart: String(row.mart), partition: String(row.partition) }));
  }

  async again(partitions: readonly MartPartition[], number: number): Promise<void> {
    if (partitions.length === 0) return;
    await this.pool.query(sql.AGAIN, [partitions.map((p) => p.mart), partitions.map((p) => p.partition), number]);
  }

  async built(partitions: readonly BuiltPartition[], number: number, message: OutboxEntry): Promise<void> {
    await transaction(this.pool, async (client: Queryable) => {
      const columns = [partitions.map((p) => p.mart), partitions.map((p) => p.partition), number];
      await client.query(sql.BUILT, [...columns, partitions.map((p) => p.asked)]);
      await this.outbox.leave([message], client);
    });
  }

  async announce(...messages: readonly OutboxEntry[]): Promise<void> {
    await transaction(this.pool, (client: Queryable) => this.outbox.leave(messages, client));
  }

  async contractsTold(): Promise<number> {
    const { rows } = await this.pool.query(sql.CONTRACTS_TOLD);
    return Number(rows[0].index);
  }

  async tellContracts(from: number, to: number, messages: readonly OutboxEntry[]): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      const { rowCount } = await client.query(sql.TELL_CONTRACTS, [from, to]);
      if (rowCount !== 1) return false;
      await this.outbox.leave(messages, client);
      return true;
    });
  }

  async prune(keep: number): Promise<number> {
    for (let pruned = 0; ;) {
      const { rowCount } = await this.pool.query(sql.PRUNE, [keep, PRUNED_AT_ONCE]);
      pruned += rowCount ?? 0;
      if ((rowCount ?? 0) < PRUNED_AT_ONCE) return pruned;
    }
  }
}

async function remember(
  client: Queryable,
  batches: readonly BatchStaged[],
): Promise<{ cursor: number | null; contradiction: string | null }> {
  const { lineId } = batches[0];
  await client.query(sql.NAME_LINE, [lineId]);
  const { rows } = await client.query(sql.LOCK_PROGRESS);
  const progress = progressOf(rows[0]);
  const stranger = batches.find((batch) => batch.lineId !== progress.lineId);
  if (stranger) {
    const contradiction = `batch ${stranger.batchId} is of line ${stranger.lineId}, this lake is of line ${progress.lineId}`;
    return { cursor: null, contradiction };
  }
  const known = new Map<number, BatchStaged>();
  const again: BatchStaged[] = [];
  for (const batch of batches) {
    if (batch.number <= progress.cursor) continue;
    // A statement may name a number once.
    if (!known.has(batch.number)) known.set(batch.number, batch);
    else if (known.get(batch.number)?.batchId !== batch.batchId) again.push(batch);
  }
  for (const some of [[...known.values()], ...again.map((batch) => [batch])]) {
    if (some.length > 0) await client.query(sql.REMEMBER, [lineId, some.map((batch) => JSON.stringify(batch))]);
  }
  const found = await client.query(sql.CONTRADICTION, [
    lineId,
    batches.map((b) => b.number),
    batches.map((b) => b.batchId),
  ]);
  const other = found.rows[0];
  return {
    cursor: batches.some((batch) => batch.number <= progress.cursor) ? progress.cursor : null,
    contradiction: other
      ? `number ${other.number} was announced as batch ${other.announced}, and is batch ${other.known}`
      : null,
  };
}

const progressOf = (row: { line_id: unknown; number: unknown; planned_to?: unknown }): Progress => ({
  lineId: String(row.line_id),
  cursor: Number(row.number),
  plannedTo: row.planned_to == null ? null : Number(row.planned_to),
});
