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
  | { readonly type: 'postgres-failed'; readonly code: string | null; readonly message: string };

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
  let stopped: Promise<void> | undefined;
  let server: Embedded | null = null;
  // Not `once`: a second signal, of an impatient supervisor, must not end this process before Postgres.
  process.on('SIGTERM', () => {
    stopping = true;
    // During a start there is nothing to stop yet; the start sees to it.
    if (server) stopped ??= stopServer(server);
  });
  while (!stopping) {
    try {
      server = await startEmbedded(options);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      log.error({ error }, 'Postgres does not start');
      await tell({ type: 'postgres-failed', code: code ?? null, message });
      // The supervisor starts the keeper again, with backoff.
      process.exit(1);
    }
    // A signal may have come during the start.
    if (stopping) return stopServer(server);
    log.info(
      { port: server.port, pid: server.pid },
      server.adopted ? 'Postgres was running already and is kept' : 'Postgres runs',
    );
    for (const note of server.notes) log.info(note);
    await tell({ type: 'postgres-ready', adminUrl: server.url('postgres'), pid: server.pid, adopted: server.adopted });
    await connectionLost(server);
    if (stopping) return stopped;
    log.warn('lost the connection to Postgres: looking after it');
    // Leaves it to the start that follows, which joins a server that lives and starts one that does not.
    server.release();
    server = null;
  }
}

/** Resolves when a connection that does nothing else ends: with the server, or with all its backends at once. */
async function connectionLost(server: Embedded): Promise<void> {
  const client = new Client({
    connectionString: server.url('postgres'),
    application_name: APPLICATION,
    keepAlive: true,
  });
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

async function stopServer(server: Embedded): Promise<void> {
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

/** Resolves when the message was handed over, or nobody is there to have it. */
function tell(message: KeeperMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

if (require.main === module) {
  void keep().then(() => process.exit(0));
}
