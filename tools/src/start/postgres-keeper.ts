/**
 * A process of its own that starts the embedded Postgres, starts it again when it dies, and stops it last. It is
 * supervised like a service, so Postgres ends with the supervisor even after kill -9, once the services have drained.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { createLogger } from '@millrace/observability';
import { startEmbedded } from '@millrace/postgres/embedded';

/** What the keeper tells its supervisor. */
export type KeeperMessage =
  | { readonly type: 'postgres-ready'; readonly adminUrl: string; readonly pid: number; readonly adopted: boolean }
  | { readonly type: 'postgres-failed'; readonly message: string };

type Embedded = Awaited<ReturnType<typeof startEmbedded>>;

/** How long an orphaned keeper waits for the services' connections to close. */
const DRAIN_MS_MAX = 7_000;
const APPLICATION = 'millrace-keeper';

const log = createLogger({ service: 'postgres' });

async function keep(): Promise<void> {
  const options = {
    dataDir: required('POSTGRES_DATA_DIR'),
    port: Number(required('POSTGRES_PORT')),
    password: required('POSTGRES_ADMIN_PASSWORD'),
  };
  let stopping = false;
  let server: Embedded | null = null;
  process.once('SIGTERM', () => {
    stopping = true;
    void stopServer(server).finally(() => process.exit(0));
  });
  while (!stopping) {
    try {
      server = await startEmbedded(options);
    } catch (error) {
      const message = (error as Error).message;
      log.error({ error }, 'Postgres does not start');
      tell({ type: 'postgres-failed', message });
      // The supervisor starts the keeper again, with backoff.
      process.exit(1);
    }
    // A signal may have come during the start.
    if (stopping) return stopServer(server);
    log.info({ port: server.port, pid: server.pid }, server.adopted ? 'Postgres was running already and is kept' : 'Postgres runs');
    tell({ type: 'postgres-ready', adminUrl: server.url('postgres'), pid: server.pid, adopted: server.adopted });
    await connectionLost(server);
    if (!stopping) log.warn('lost the connection to Postgres: looking after it');
  }
}

/** Resolves when a connection that does nothing else ends: with the server, or with all its backends at once. */
async function connectionLost(server: Embedded): Promise<void> {
  const client = new Client({ connectionString: server.url('postgres'), application_name: APPLICATION, keepAlive: true });
  const ended = new Promise<void>((resolve) => {
    client.once('end', () => resolve());
    client.on('error', () => resolve());
  });
  try {
    await client.connect();
    await ended;
  } catch {
    await sleep(200);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function stopServer(server: Embedded | null): Promise<void> {
  if (!server) return;
  if (!process.connected) await othersLeft(server);
  await server.stop();
}

async function othersLeft(server: Embedded): Promise<void> {
  const client = new Client({ connectionString: server.url('postgres'), application_name: APPLICATION });
  client.on('error', () => undefined);
  const deadline = performance.now() + DRAIN_MS_MAX;
  try {
    await client.connect();
    while (performance.now() < deadline) {
      const { rows } = await client.query<{ others: number }>(
        `select count(*)::int as others from pg_stat_activity where backend_type = 'client backend' and application_name <> $1`,
        [APPLICATION],
      );
      if (rows[0]?.others === 0) return;
      await sleep(100);
    }
  } catch {
    // It cannot be asked, so there is nobody to wait for.
  } finally {
    await client.end().catch(() => undefined);
  }
}

function tell(message: KeeperMessage): void {
  process.send?.(message, undefined, undefined, () => undefined);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

if (require.main === module) {
  void keep().then(() => process.exit(0));
}
