import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { Embedded } from '../embedded';
import { isAlive, startMark } from '../embedded/processes';
import { createPool, type Pool } from '../pool';
import { quoteIdentifier } from '../quoting';
import { sharedServer } from './server';
import { ensureTemplate, type MigrationSet, type Preparation } from './template';

export interface TestDatabaseOptions {
  /** Applied in this order, once for all tests that ask for the same. */
  readonly migrations?: readonly MigrationSet[];
  /** Runs after the migrations, once for all tests that ask for the same. */
  readonly prepare?: Preparation;
  /** A server that syncs its files, for tests of what survives a crash (default false). */
  readonly durable?: boolean;
}

export interface TestDatabase {
  readonly name: string;
  /** As superuser. */
  readonly url: string;
  /** Of 10 connections. */
  readonly pool: Pool;
  /** Ends the pool and drops the database, whoever is connected to it. */
  drop(): Promise<void>;
}

/**
 * A fresh, migrated database of its own on a Postgres that all test processes share. The first call of all starts the
 * server (about 1 s) and the first with some migrations applies them; any other takes some 50 ms. What a killed test
 * leaves is dropped by the next; an unused server stops by itself after two minutes and removes its files.
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { server, admin } = await connect(options.durable ?? false);
  try {
    await dropOrphans(admin);
    const template = await ensureTemplate(
      admin,
      options.migrations ?? [],
      (database) => server.url(database),
      options.prepare,
    );
    const name = `test_${process.pid}_${startMark(process.pid)}_${randomBytes(5).toString('hex')}`;
    // Files as they are: 40 ms, against 100 ms by way of the log (STRATEGY WAL_LOG, Postgres' default).
    await admin.query(
      `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(template)} STRATEGY FILE_COPY`,
    );
    return open(server, name);
  } finally {
    await admin.end();
  }
}

/** By whether they are durable. Joining costs 17 ms of CPU time, most of it for a process that tells its version. */
const joined = new Map<boolean, Promise<Embedded>>();

/** The shared server, joined once for all databases of a test file and left when the file's process ends. */
function joinedServer(durable: boolean): Promise<Embedded> {
  let joining = joined.get(durable);
  if (!joining) {
    joining = sharedServer(durable).then((server) => {
      process.once('exit', () => server.release());
      return server;
    });
    joined.set(durable, joining);
    joining.catch(() => joined.delete(durable));
  }
  return joining;
}

async function connect(durable: boolean): Promise<{ server: Embedded; admin: Client }> {
  const server = await joinedServer(durable);
  try {
    return { server, admin: await adminOf(server) };
  } catch {
    // It was ended meanwhile: whoever joins starts it again.
    joined.delete(durable);
    server.release();
    const anew = await joinedServer(durable);
    return { server: anew, admin: await adminOf(anew) };
  }
}

async function adminOf(server: Embedded): Promise<Client> {
  const admin = new Client({ connectionString: server.url('postgres') });
  admin.on('error', () => undefined);
  await admin.connect();
  return admin;
}

function open(server: Embedded, name: string): TestDatabase {
  const url = server.url(name);
  const pool = createPool({ url, max: 10, applicationName: 'test', allowExitOnIdle: true });
  let dropping: Promise<void> | undefined;
  const drop = async (): Promise<void> => {
    const ended = pool.end();
    const admin = await adminOf(server);
    try {
      // FORCE ends the sessions that a failed test left checked out, and so lets the pool end.
      await admin.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    } finally {
      await admin.end();
    }
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
  };
  return { name, url, pool, drop: () => (dropping ??= drop()) };
}

/** Databases of processes that no longer live. */
async function dropOrphans(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'`,
  );
  for (const { datname } of rows) {
    const [, pid, mark] = datname.split('_');
    if (isAlive(Number(pid)) && startMark(Number(pid)) === mark) continue;
    await admin.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(datname)} WITH (FORCE)`).catch(() => undefined);
  }
}
