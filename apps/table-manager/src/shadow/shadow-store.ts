import type { OutboxEntry } from '@millrace/messaging/outbox';
import { TableOutbox } from '@millrace/messaging/outbox';
import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { ShadowTally, WorkProgress, WorkResult } from '@millrace/topics';

export type ShadowStatus = 'requested' | 'running' | 'done' | 'failed' | 'cancelled';

/** A trial as people see it. */
export interface Shadow {
  readonly id: string;
  readonly contract: string;
  readonly version: string;
  readonly tenant: string;
  readonly requestedBy: string;
  readonly requestedAt: string;
  /** Accept dates, inclusive. */
  readonly from: string;
  readonly to: string;
  readonly contractsIndex: number;
  readonly status: ShadowStatus;
  readonly cancelledBy: string | null;
  readonly progress: WorkProgress | null;
  readonly result: ShadowTally | null;
  readonly error: string | null;
  readonly updatedAt: string;
}

export type NewShadow = Pick<
  Shadow,
  'id' | 'contract' | 'version' | 'tenant' | 'requestedBy' | 'requestedAt' | 'from' | 'to' | 'contractsIndex'
>;

const SELECT = `SELECT id, contract, version, tenant, requested_by, requested_at, from_date::text, to_date::text,
  contracts_index, status, cancelled_by, progress, result, error, updated_at FROM table_manager.shadow`;

type Queryable = Pick<PoolClient, 'query'>;

/** Trials in the service's own schema. What is to be told of a change is left in the outbox of its transaction. */
export class ShadowStore {
  private readonly outbox: TableOutbox;

  constructor(private readonly pool: Pool) {
    this.outbox = new TableOutbox(pool, 'table_manager');
  }

  /** False when as many as may be are under way already. */
  add(shadow: NewShadow, openMax: number, messages: readonly OutboxEntry[]): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('table_manager.shadows', 0))`);
      const { rows } = await client.query(
        `SELECT count(*)::int AS open FROM table_manager.shadow WHERE status IN ('requested', 'running')`,
      );
      if (Number(rows[0].open) >= openMax) return false;
      const { id, contract, version, tenant, requestedBy, requestedAt, from, to, contractsIndex } = shadow;
      await client.query(
        `INSERT INTO table_manager.shadow
           (id, contract, version, tenant, requested_by, requested_at, from_date, to_date, contracts_index, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $6)`,
        [id, contract, version, tenant, requestedBy, requestedAt, from, to, contractsIndex],
      );
      await this.outbox.leave(messages, client);
      return true;
    });
  }

  async one(contract: string, id: string): Promise<Shadow | null> {
    const { rows } = await this.pool.query(`${SELECT} WHERE id = $1 AND contract = $2`, [id, contract]);
    return rows[0] ? shadowOf(rows[0]) : null;
  }

  /** Newest first. */
  async list(contract: string, limit: number): Promise<Shadow[]> {
    const { rows } = await this.pool.query(`${SELECT} WHERE contract = $1 ORDER BY requested_at DESC, id LIMIT $2`, [
      contract,
      limit,
    ]);
    return rows.map(shadowOf);
  }

  /** Notes who wants it ended; the worker ends it. False when it has ended, or somebody has asked for that before. */
  cancel(id: string, by: string, messages: readonly OutboxEntry[]): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      const { rowCount } = await client.query(
        `UPDATE table_manager.shadow SET cancelled_by = $2
          WHERE id = $1 AND status IN ('requested', 'running') AND cancelled_by IS NULL`,
        [id, by],
      );
      if (rowCount !== 1) return false;
      await this.outbox.leave(messages, client);
      return true;
    });
  }

  /**
   * Takes what a worker told. An older revision, or one of a trial that has ended, changes nothing.
   *
   * @param endedMessages to be sent with the result that ends it
   */
  told(result: WorkResult, endedMessages: (shadow: Shadow) => readonly OutboxEntry[]): Promise<boolean> {
    return transaction(this.pool, async (client: Queryable) => {
      const { id, revision, status, progress, error, at } = result;
      const json = (value: unknown): string | null => (value == null ? null : JSON.stringify(value));
      const { rowCount } = await client.query(
        `UPDATE table_manager.shadow
            SET revision = $2, status = $3, progress = coalesce($4, progress), result = coalesce($5, result), error = $6,
                updated_at = $7
          WHERE id = $1 AND revision < $2 AND status IN ('requested', 'running')`,
        [id, revision, status, json(progress), json(result.result), error, at],
      );
      if (rowCount !== 1) return false;
      if (status === 'running') return true;
      const { rows } = await client.query(`${SELECT} WHERE id = $1`, [id]);
      await this.outbox.leave(endedMessages(shadowOf(rows[0])), client);
      return true;
    });
  }
}

function shadowOf(row: Record<string, unknown>): Shadow {
  return {
    ...{ id: String(row.id), contract: String(row.contract), version: String(row.version), tenant: String(row.tenant) },
    requestedBy: String(row.requested_by),
    requestedAt: (row.requested_at as Date).toISOString(),
    ...{ from: String(row.from_date), to: String(row.to_date), contractsIndex: Number(row.contracts_index) },
    status: row.status as ShadowStatus,
    cancelledBy: row.cancelled_by as string | null,
    progress: row.progress as WorkProgress | null,
    result: row.result as ShadowTally | null,
    error: row.error as string | null,
    updatedAt: (row.updated_at as Date).toISOString(),
  };
}
