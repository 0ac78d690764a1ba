import path from 'node:path';
import { createPostgresMessaging, MIGRATIONS_DIR } from '@millrace/messaging/postgres';
import { createPool, migrate } from '@millrace/postgres';
import { startEmbedded } from '@millrace/postgres/embedded';
import { TOPICS } from '@millrace/topics';
import { addressOf, type Child, startChild } from './processes';
import { awaitReady } from './readiness.client';

/** A server that takes `POST /v1/events`. */
export interface MeasuredServer {
  readonly name: string;
  readonly port: number;
  /** Roots of the process trees whose CPU counts as the server's. */
  readonly pids: readonly number[];
  /** Events stored so far; null for one that stores nothing. */
  stored(): Promise<number | null>;
  stop(): Promise<void>;
}

export async function startRawFastify(): Promise<MeasuredServer> {
  const child = startChild(path.join(__dirname, 'raw-fastify.child.js'), []);
  const address = await addressOf(child, (line) => (line.startsWith('http') ? line : undefined));
  return {
    name: 'raw Fastify + ajv, stores nothing',
    port: Number(new URL(address).port),
    pids: [child.pid],
    stored: async () => null,
    stop: () => child.stop(),
  };
}

const MIGRATIONS = path.resolve(__dirname, '..', '..', 'prisma', 'migrations');

/**
 * The service as it is run, in a process of its own, against a durable Postgres of its own below `folder`. `settings`
 * are further environment variables of the service.
 */
export async function startGateway(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const postgres = await startEmbedded({ dataDir: path.join(folder, 'postgres') });
  const url = postgres.url('postgres');
  const pool = createPool({ url, max: 2, applicationName: 'bench' });
  let child: Child | undefined;
  const stop = async (): Promise<void> => {
    await child?.stop();
    await pool.end();
    await postgres.stop();
  };
  try {
    await pool.query('CREATE SCHEMA IF NOT EXISTS log; CREATE SCHEMA IF NOT EXISTS ingest_gateway');
    await migrate({ url, schema: 'log', dir: MIGRATIONS_DIR });
    await migrate({ url, schema: 'ingest_gateway', dir: MIGRATIONS });
    const messaging = createPostgresMessaging({ url, applicationName: 'bench' });
    await messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: TOPICS.eventsInbound.partitions });
    await messaging.close();
    const env = { PORT: '0', DATABASE_URL: url, STORAGE_ROOT: path.join(folder, 'lake'), ...settings };
    child = startChild(path.join(__dirname, '..', 'main.js'), [], env);
    const address = await addressOf(child, (line) => (JSON.parse(line) as { address?: string }).address);
    await awaitReady(address);
    return {
      name: 'ingest-gateway, durable',
      port: Number(new URL(address).port),
      pids: [child.pid, postgres.pid],
      stored: async () => {
        const { rows } = await pool.query<{ events: string }>('SELECT coalesce(sum(next), 0) AS events FROM log.head');
        return Number(rows[0].events);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
