import { PrismaPg } from '@prisma/adapter-pg';
import { isRole } from '@millrace/auth';
import { TableOutbox } from '@millrace/messaging/outbox';
import { currentTraceparent } from '@millrace/observability';
import { createPool } from '@millrace/postgres';
import { away } from '../database/away';
import { type ApiKey, type Prisma, PrismaClient } from '../generated/prisma/client';
import { type KeyChange, type KeyRecord, type KeyStore, KeyStoreUnavailable } from './port';

const SCHEMA = 'ingest_gateway';
const CONNECTIONS_MAX = 2;
const STATEMENT_TIMEOUT_MS = 5_000;
const CHANGE_MS_MAX = 10_000;

export interface PrismaKeyStoreOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly onIdleError: (error: Error) => void;
}

/** API keys in the service's own Postgres schema. */
export class PrismaKeyStore implements KeyStore {
  /** Messages of committed changes. */
  readonly outbox: TableOutbox;
  private readonly pool: ReturnType<typeof createPool>;
  private readonly prisma: PrismaClient;

  constructor({ url, applicationName, onIdleError }: PrismaKeyStoreOptions) {
    this.pool = createPool({
      ...{ url, max: CONNECTIONS_MAX, statementTimeoutMs: STATEMENT_TIMEOUT_MS, onIdleError },
      applicationName: `${applicationName} api keys`,
    });
    this.prisma = new PrismaClient({ adapter: new PrismaPg(this.pool) });
    this.outbox = new TableOutbox(this.pool, SCHEMA);
  }

  async stop(): Promise<void> {
    await this.prisma.$disconnect();
    await this.pool.end();
  }

  change<T>(work: (change: KeyChange) => Promise<T>): Promise<T> {
    return reached(() =>
      this.prisma.$transaction(
        async (tx) => {
          const rows = await tx.$queryRaw<{ version: bigint }[]>`
            SELECT version FROM ingest_gateway.key_ring FOR UPDATE`;
          return work(changeOf(tx, Number(rows[0].version)));
        },
        { maxWait: STATEMENT_TIMEOUT_MS, timeout: CHANGE_MS_MAX },
      ),
    );
  }

  async version(): Promise<number> {
    const row = await reached(() => this.prisma.keyRing.findFirstOrThrow());
    return Number(row.version);
  }

  async list(
    tenant: string,
    after: { readonly createdAt: Date; readonly id: string } | null,
    limit: number,
  ): Promise<KeyRecord[]> {
    const behind = after && {
      OR: [{ createdAt: { lt: after.createdAt } }, { createdAt: after.createdAt, id: { gt: after.id } }],
    };
    const rows = await reached(() =>
      this.prisma.apiKey.findMany({
        where: { tenant, ...behind },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        take: limit,
      }),
    );
    return rows.map(recordOf);
  }

  async noteUses(uses: ReadonlyMap<string, number>): Promise<void> {
    if (uses.size === 0) return;
    const ids = [...uses.keys()].sort();
    const times = ids.map((id) => new Date(uses.get(id) as number));
    await reached(
      () => this.prisma.$executeRaw`
        UPDATE ingest_gateway.api_key k SET last_used_at = u.at
          FROM unnest(${ids}::text[], ${times}::timestamptz[]) AS u(id, at)
         WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`,
    );
  }

  forget(before: Date): Promise<number> {
    return reached(
      () => this.prisma.$executeRaw`
        DELETE FROM ingest_gateway.api_key WHERE least(revoked_at, expires_at) < ${before}::timestamptz`,
    );
  }
}

function changeOf(tx: Prisma.TransactionClient, version: number): KeyChange {
  const live = (now: Date) => ({ revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] });
  return {
    version,
    insert: async ({ roles, hash, ...record }) => {
      await tx.apiKey.create({ data: { ...record, roles: [...roles], hash: new Uint8Array(hash) } });
    },
    revoke: async (tenant, id, at) => {
      const { count } = await tx.apiKey.updateMany({ where: { tenant, id, revokedAt: null }, data: { revokedAt: at } });
      return count === 0 ? null : recordOf(await tx.apiKey.findUniqueOrThrow({ where: { id } }));
    },
    live: async (now) => (await tx.apiKey.findMany({ where: live(now), orderBy: { id: 'asc' } })).map(recordOf),
    count: (tenant, now) => tx.apiKey.count({ where: { tenant, ...live(now) } }),
    published: async (next) => {
      await tx.keyRing.updateMany({ data: { version: next } });
    },
    leave: async (messages) => {
      const traceparent = currentTraceparent() ?? null;
      for (const { id, topic, body } of messages) {
        await tx.outbox.create({ data: { id, topic, body: body as Prisma.InputJsonObject, traceparent } });
      }
    },
  };
}

const recordOf = ({ roles, hash, ...row }: ApiKey): KeyRecord => ({
  ...row,
  roles: roles.filter(isRole),
  hash: Buffer.from(hash),
});

const reached = <T>(query: () => Promise<T>): Promise<T> =>
  away(query, (cause) => new KeyStoreUnavailable('API keys cannot be reached', { cause }));
