import { createPool, type Pool, type PoolClient } from '@millrace/postgres';
import type { Timers } from '../timers';
import { asMessagingError, isRefusal } from './errors';

export interface SessionsOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** Of each session, as in `createPool`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The server ends a statement after this long, and the client a connection that is silent for a little longer. */
  readonly statementTimeoutMs: number;
  readonly timers: Timers;
  readonly onError: (error: unknown) => void;
}

/** How much longer than the server the client waits before it calls the connection dead. */
const SILENCE_MS = 2_000;

/** Connections to the log's database. Errors leave here as the port's. */
export class Sessions {
  private readonly pool: Pool;

  constructor(private readonly options: SessionsOptions) {
    this.pool = createPool({
      url: options.url,
      max: options.connectionsMax,
      applicationName: options.applicationName,
      statementTimeoutMs: options.statementTimeoutMs,
      settings: options.settings,
      onIdleError: options.onError,
    });
  }

  /**
   * Lends a connection to `use`. A connection on which anything but a plain refusal happened is thrown away.
   * @throws MessagingError MESSAGING_UNAVAILABLE when there was no connection, MESSAGING_UNKNOWN when it broke in use
   */
  async with<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.pool.connect();
    } catch (error) {
      throw asMessagingError(error, false);
    }
    let broken: Error | undefined;
    // Releasing with an error closes the socket, and that rejects what waits for an answer from it.
    const silent = this.options.timers.after(this.options.statementTimeoutMs + SILENCE_MS, () => {
      broken = new Error('Connection terminated: no answer in time');
      client.release(broken);
    });
    try {
      return await use(client);
    } catch (error) {
      if (!broken && !isRefusal(error)) {
        broken = error as Error;
        client.release(broken);
      }
      throw asMessagingError(error, true);
    } finally {
      silent();
      if (!broken) client.release();
    }
  }

  /** One statement, prepared under `name` once per connection. */
  query<Row>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.with(async (client) => (await client.query<Row & object>({ name, text, values })).rows);
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
