import fs from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { migrate } from '@millrace/postgres';
import { migratePostgresTasks } from '@millrace/tasks/postgres';
import { GROUPS } from '@millrace/topics';
import { DATABASE_SERVICES, type ServiceName, WORKSPACE_ROOT } from '../start/services';
import { handOver, share } from './grants';
import { ensureRole, roleName, type ServiceRole } from './roles';
import { topicOptions } from './topic-options';

export interface MigrateOptions {
  /** Any database of the server, as a role that may create roles and databases. */
  readonly adminUrl: string;
  /** Created if absent. Default `millrace`. */
  readonly database?: string;
  /** Login passwords by role name (`millrace_<schema>`). A role without one keeps the password it has. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** Curation workers that will run: the cap on that role's connections is per worker. Default 1. */
  readonly workers?: number;
  /** Where INBOUND_LOG_BYTES_MAX is read from; by default nothing is set. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Migrated {
  readonly database: string;
  /** Names of the migrations applied by this call, by schema. */
  readonly applied: Readonly<Record<string, readonly string[]>>;
  /** DATABASE_URL of each service whose password was given. */
  readonly urls: Readonly<Partial<Record<ServiceName, string>>>;
}

/** Held for the whole of a run, so that two deployments at once take turns. */
const RUN_LOCK = 7_270_737;
const CONNECTIONS_MAX = 20;
const STATEMENT_TIMEOUT_MS = 60_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
/** Schemas that services share: the log of record batches, and the task queue. */
const LOG_SCHEMA = 'log';
const TASKS_SCHEMA = 'tasks';

/**
 * Brings a Postgres server to the state that the services of this version expect: database, a role and a schema per
 * service, the shared schemas with their grants, all migrations, the topics and their consumer groups. Services never
 * do any of this themselves. Idempotent, and safe to run while services of the version before are up.
 *
 * Rejects with the first failing migration's error; what was applied before it stays (each is a transaction).
 */
export async function migrateAll(options: MigrateOptions): Promise<Migrated> {
  const { adminUrl, database = 'millrace', passwords = {}, workers = 1, env = {} } = options;
  const topics = topicOptions(env);
  const server = await connect(adminUrl);
  try {
    await server.query('select pg_advisory_lock($1)', [RUN_LOCK]);
    for (const { schema } of DATABASE_SERVICES)
      await ensureRole(server, serviceRole(schema, workers), passwords[roleName(schema)]);
    await ensureDatabase(server, database);
    const url = withDatabase(adminUrl, database);
    const applied = await migrateSchemas(url);
    await ensureTopics(url, topics);
    const urls = Object.fromEntries(
      DATABASE_SERVICES.filter(({ schema }) => passwords[roleName(schema)]).map(({ name, schema }) => [
        name,
        asRole(url, roleName(schema), passwords[roleName(schema)] as string),
      ]),
    );
    return { database, applied, urls };
  } finally {
    await server.end();
  }
}

const serviceRole = (schema: string, workers: number): ServiceRole => ({
  schema,
  connectionsMax: schema === 'curation_worker' ? CONNECTIONS_MAX * workers : CONNECTIONS_MAX,
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  idleInTransactionTimeoutMs: IDLE_IN_TRANSACTION_TIMEOUT_MS,
});

async function ensureDatabase(server: Client, database: string): Promise<void> {
  const name = server.escapeIdentifier(database);
  const { rowCount } = await server.query('select from pg_database where datname = $1', [database]);
  if (rowCount === 0) await server.query(`create database ${name} template template0 encoding 'UTF8'`);
  await server.query(`revoke all on database ${name} from public`);
  for (const { schema } of DATABASE_SERVICES)
    await server.query(`grant connect, temporary on database ${name} to ${server.escapeIdentifier(roleName(schema))}`);
}

async function migrateSchemas(url: string): Promise<Record<string, string[]>> {
  const client = await connect(url);
  try {
    await client.query('revoke all on schema public from public');
    for (const schema of [LOG_SCHEMA, ...DATABASE_SERVICES.map((service) => service.schema)]) {
      await client.query(`create schema if not exists ${client.escapeIdentifier(schema)}`);
    }
    const applied: Record<string, string[]> = {};
    for (const { schema, dir } of migrationFolders()) applied[schema] = [...(await migrate({ url, schema, dir }))];
    applied[TASKS_SCHEMA] = await migratePostgresTasks({ url, schema: TASKS_SCHEMA });
    const roles = DATABASE_SERVICES.map((service) => roleName(service.schema));
    await share(client, LOG_SCHEMA, roles);
    await share(client, TASKS_SCHEMA, roles);
    for (const { schema } of DATABASE_SERVICES) await handOver(client, schema, roleName(schema));
    return applied;
  } finally {
    await client.end();
  }
}

/** Where each schema's migrations are; a service without tables has none. */
export function migrationFolders(): { schema: string; dir: string }[] {
  return [
    { schema: LOG_SCHEMA, dir: path.join(WORKSPACE_ROOT, 'libs', 'messaging', 'src', 'postgres', 'migrations') },
    ...DATABASE_SERVICES.map(({ name, schema }) => ({
      schema,
      dir: path.join(WORKSPACE_ROOT, 'apps', name, 'prisma', 'migrations'),
    })),
  ].filter(({ dir }) => fs.existsSync(dir));
}

async function ensureTopics(url: string, topics: ReturnType<typeof topicOptions>): Promise<void> {
  const messaging = createPostgresMessaging({ url, applicationName: 'millrace-migrate' });
  try {
    for (const { topic, options } of topics) await messaging.ensureTopic(topic, options);
    for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  } finally {
    await messaging.close();
  }
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, application_name: 'millrace-migrate' });
  // A lost connection rejects the query in flight; without a listener it would end the process as well.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function withDatabase(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}

function asRole(databaseUrl: string, role: string, password: string): string {
  const url = new URL(databaseUrl);
  url.username = encodeURIComponent(role);
  url.password = encodeURIComponent(password);
  return url.href;
}
