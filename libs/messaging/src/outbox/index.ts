import type { Pool } from '@millrace/postgres';
import type { Messaging } from '../port';

export interface OutboxRelayOptions {
  readonly pool: Pool;
  /** Schema of the service; the table is `<schema>.outbox (id uuid, seq bigint, topic text, body jsonb)`. */
  readonly schema: string;
  readonly messaging: Messaging;
  readonly onError: (error: unknown) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Without a wake-up the table is looked at this often, ms (default 1,000). */
  readonly pollMs?: number;
  /** Messages per round (default 100). */
  readonly batchMax?: number;
}

/**
 * Sends what a service's transactions left in its outbox, in order, at least once: a message is deleted after its
 * append is durable, and its append id is the row's id, so that sending it again after a crash stores it once.
 *
 * Two relays may run at once; they then repeat each other's appends, which changes nothing.
 */
export class OutboxRelay {
  private stopped = true;
  private running: Promise<void> = Promise.resolve();
  private pending = false;
  private signal: () => void = () => undefined;

  constructor(private readonly options: OutboxRelayOptions) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(options.schema)) throw new Error(`not a schema name: ${options.schema}`);
  }

  async start(): Promise<void> {
    this.stopped = false;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.signal();
    await this.running;
  }

  /** A transaction has just left messages. */
  wake(): void {
    this.pending = true;
    this.signal();
  }

  private async run(): Promise<void> {
    let waitMs = this.options.pollMs ?? 1_000;
    while (!this.stopped) {
      this.pending = false;
      try {
        while ((await this.relay()) > 0 && !this.stopped);
        waitMs = this.options.pollMs ?? 1_000;
      } catch (error) {
        this.options.onError(error);
        waitMs = Math.min(waitMs * 2, 30_000);
      }
      if (this.pending || this.stopped) continue;
      await Promise.race([this.options.sleep(waitMs), new Promise<void>((resolve) => (this.signal = resolve))]);
    }
  }

  /** One round. Returns how many messages were sent. */
  async relay(): Promise<number> {
    const { pool, schema, messaging, batchMax = 100 } = this.options;
    const { rows } = await pool.query(
      `SELECT id, topic, body::text AS body FROM ${schema}.outbox ORDER BY seq LIMIT $1`,
      [batchMax],
    );
    for (const row of rows as { id: string; topic: string; body: string }[]) {
      await messaging.append(row.topic, {
        header: { appendId: row.id },
        records: [{ key: null, headers: {}, value: Buffer.from(row.body) }],
      });
    }
    if (rows.length > 0)
      await pool.query(`DELETE FROM ${schema}.outbox WHERE id = ANY($1::uuid[])`, [rows.map((row) => row.id)]);
    return rows.length;
  }
}
