import { currentTraceparent } from '@millrace/observability';
import type { Pool, PoolClient } from '@millrace/postgres';
import type { Outbox, OutboxMessage } from './relay';

/** A message to send once the change that it announces is committed. */
export interface OutboxEntry {
  /** UUID: left or sent twice under it, it is stored once. */
  readonly id: string;
  readonly topic: string;
  readonly body: unknown;
}

/** An outbox in a table `<schema>.outbox`, unless it is named otherwise `(id uuid, seq bigint, topic text, body jsonb, traceparent text)`. */
export class TableOutbox implements Outbox {
  private readonly table: string;

  constructor(
    private readonly pool: Pool,
    schema: string,
    table = 'outbox',
  ) {
    for (const name of [schema, table])
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a schema name: ${name}`);
    this.table = `${schema}.${table}`;
  }

  /** Leaves messages, with the trace context of now; `client` is that of the transaction they belong to. */
  async leave(entries: readonly OutboxEntry[], client: Pick<PoolClient, 'query'> = this.pool): Promise<void> {
    const traceparent = currentTraceparent() ?? null;
    for (const { id, topic, body } of entries) {
      await client.query(
        `INSERT INTO ${this.table} (id, topic, body, traceparent) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
        [id, topic, JSON.stringify(body), traceparent],
      );
    }
  }

  async due(limit: number): Promise<OutboxMessage[]> {
    const { rows } = await this.pool.query(
      `SELECT id, topic, body::text AS json, traceparent FROM ${this.table} ORDER BY seq LIMIT $1`,
      [limit],
    );
    return rows as OutboxMessage[];
  }

  async sent(messages: readonly OutboxMessage[]): Promise<void> {
    await this.pool.query(`DELETE FROM ${this.table} WHERE id = ANY($1::uuid[])`, [messages.map(({ id }) => id)]);
  }
}
