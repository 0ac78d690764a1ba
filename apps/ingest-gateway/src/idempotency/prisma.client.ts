import { PrismaPg } from '@prisma/adapter-pg';
import { createPool } from '@millrace/postgres';
import { away as translated } from '../database/away';
import { PrismaClient } from '../generated/prisma/client';
import {
  type Begun,
  IdempotencyUnavailable,
  type IdempotencyStore,
  type KeyId,
  type StoredAnswer,
} from './idempotency';

export interface PrismaIdempotencyOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** A first request under way longer than this is taken for dead, ms. */
  readonly lockMs: number;
  /** Answers are kept this long, ms. */
  readonly ttlMs: number;
  readonly onIdleError: (error: Error) => void;
}

const STATEMENT_TIMEOUT_MS = 5_000;
/** Rows of one deletion: short statements leave the table to others. */
const PRUNE_ROWS_MAX = 5_000;

interface KeyRow {
  readonly mine: boolean;
  readonly request_hash: Uint8Array;
  readonly turn: string;
  readonly status: number | null;
  readonly body: string | null;
}

/** Idempotency keys in the service's own Postgres schema. */
export class PrismaIdempotencyStore implements IdempotencyStore {
  private readonly pool: ReturnType<typeof createPool>;
  private readonly prisma: PrismaClient;

  constructor(private readonly options: PrismaIdempotencyOptions) {
    const { url, applicationName, connectionsMax, onIdleError } = options;
    // Our own pool: the adapter's waits for a connection without end and lets a broken one end the process.
    this.pool = createPool({
      url,
      applicationName: `${applicationName} keys`,
      max: connectionsMax,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      onIdleError,
    });
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool) });
  }

  /** Rejects while the table cannot be read. */
  async start(): Promise<void> {
    await away(() => this.prisma.idempotencyKey.count({ where: { tenant: '', route: '', key: '' } }));
  }

  async stop(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end();
  }

  /** One statement: takes the key if it is free, expired, or held by a request taken for dead, and reads it in any case. */
  async begin({ tenant, route, key }: KeyId, requestHash: Buffer): Promise<Begun> {
    const { lockMs, ttlMs } = this.options;
    const hash = new Uint8Array(requestHash);
    const rows = await away(
      () => this.prisma.$queryRaw<KeyRow[]>`
        WITH taken AS (
          INSERT INTO ingest_gateway.idempotency_key AS k (tenant, route, key, request_hash, locked_until, created_at)
            VALUES (${tenant}, ${route}, ${key}, ${hash}, clock_timestamp() + ${lockMs}::float8 * interval '1 ms', clock_timestamp())
            ON CONFLICT (tenant, route, key) DO UPDATE
              SET request_hash = excluded.request_hash, locked_until = excluded.locked_until,
                  created_at = excluded.created_at, status = NULL, body = NULL
              WHERE k.created_at < clock_timestamp() - ${ttlMs}::float8 * interval '1 ms'
                 OR (k.status IS NULL AND k.locked_until < clock_timestamp() AND k.request_hash = excluded.request_hash)
            RETURNING request_hash, locked_until::text AS turn, status, body
        )
        SELECT true AS mine, request_hash, turn, status, body FROM taken
        UNION ALL
        SELECT false, request_hash, locked_until::text, status, body FROM ingest_gateway.idempotency_key
          WHERE tenant = ${tenant} AND route = ${route} AND key = ${key} AND NOT EXISTS (SELECT FROM taken)`,
    );
    const row = rows[0];
    // The statement sees the table as it was when it began: a key made or removed meanwhile is somebody's at this moment.
    if (!row) return { outcome: 'in_flight' };
    if (row.mine) return { outcome: 'first', turn: row.turn };
    if (!requestHash.equals(row.request_hash)) return { outcome: 'mismatch' };
    if (row.status === null) return { outcome: 'in_flight' };
    return { outcome: 'replay', answer: { status: row.status, text: row.body ?? '' } };
  }

  async complete(id: KeyId, turn: string, { status, text }: StoredAnswer): Promise<void> {
    await away(
      () => this.prisma.$executeRaw`
        UPDATE ingest_gateway.idempotency_key SET status = ${status}, body = ${text}
          WHERE tenant = ${id.tenant} AND route = ${id.route} AND key = ${id.key}
            AND locked_until = ${turn}::timestamptz AND status IS NULL`,
    );
  }

  async abandon(id: KeyId, turn: string): Promise<void> {
    await away(
      () => this.prisma.$executeRaw`
        DELETE FROM ingest_gateway.idempotency_key
          WHERE tenant = ${id.tenant} AND route = ${id.route} AND key = ${id.key}
            AND locked_until = ${turn}::timestamptz AND status IS NULL`,
    );
  }

  async prune(): Promise<number> {
    const { ttlMs } = this.options;
    let pruned = 0;
    for (;;) {
      const count = await away(
        () => this.prisma.$executeRaw`
          DELETE FROM ingest_gateway.idempotency_key WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM ingest_gateway.idempotency_key
              WHERE created_at < clock_timestamp() - ${ttlMs}::float8 * interval '1 ms'
              ORDER BY created_at LIMIT ${PRUNE_ROWS_MAX} FOR UPDATE SKIP LOCKED))`,
      );
      pruned += count;
      if (count < PRUNE_ROWS_MAX) return pruned;
    }
  }
}

const away = <T>(query: () => Promise<T>): Promise<T> =>
  translated(query, (cause) => new IdempotencyUnavailable('idempotency keys cannot be reached', { cause }));
