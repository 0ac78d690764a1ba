import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { type Embedded, startEmbedded } from '@millrace/postgres/embedded';
import { GROUPS, TOPICS } from '@millrace/topics';
import { DATABASE_SERVICES, type ServiceName } from '../start/services';
import { type Migrated, migrateAll } from './migrate-all';
import { roleName } from './roles';

const passwords = Object.fromEntries(
  DATABASE_SERVICES.map(({ schema }) => [roleName(schema), randomBytes(9).toString('base64url')]),
);
let dir: string;
let server: Embedded;
let migrated: Migrated;

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-migrate-'));
  server = await startEmbedded({ dataDir: dir });
  migrated = await migrateAll({ adminUrl: server.url('postgres'), passwords });
});

afterAll(async () => {
  await server.stop();
  await fs.promises.rm(dir, { recursive: true, force: true, maxRetries: 10 });
});

it('applies every migration once, and nothing a second time', async () => {
  expect(migrated.applied['log']?.length).toBeGreaterThan(0);
  expect(migrated.applied['ingest_gateway']?.length).toBeGreaterThan(0);
  const again = await migrateAll({ adminUrl: server.url('postgres'), passwords });
  expect(Object.values(again.applied).flat()).toEqual([]);
});

it('may be run by several deployments at once', async () => {
  const database = 'raced';
  const runs = await Promise.all(
    [1, 2, 3].map(() => migrateAll({ adminUrl: server.url('postgres'), database, passwords })),
  );
  expect(runs.map(({ applied }) => applied['log']?.length).filter(Boolean)).toHaveLength(1);
});

it('gives every service a role that owns its schema and its tables', async () => {
  for (const { name, schema } of DATABASE_SERVICES) {
    await as(name, async (client) => {
      expect((await client.query('select current_schema() as schema, current_user as role')).rows).toEqual([
        { schema, role: roleName(schema) },
      ]);
      await client.query('create table mine (n int)');
      await client.query('insert into mine values (1)');
      await client.query('drop table mine');
    });
  }
});

it('lets no service into the tables of another, nor create anything elsewhere', async () => {
  await as('analytics-api', async (client) => {
    await expect(client.query('select * from ingest_gateway.idempotency_key')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('create table log.mine (n int)')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('create table public.mine (n int)')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('create schema mine')).rejects.toMatchObject({ code: '42501' });
    await expect(client.query(`set role ${roleName('table_manager')}`)).rejects.toMatchObject({ code: '42501' });
  });
});

it('bounds what a service takes', async () => {
  await as('ingest-gateway', async (client) => {
    const { rows } =
      await client.query(`select current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle,
      (select rolconnlimit from pg_roles where rolname = current_user) as connections`);
    expect(rows).toEqual([{ statement: '1min', idle: '30s', connections: 20 }]);
  });
});

it('registers the topics and groups, which services can use', async () => {
  const messaging = createPostgresMessaging({
    url: migrated.urls['ingest-gateway'] as string,
    applicationName: 'spec',
  });
  try {
    for (const { name, partitions } of Object.values(TOPICS))
      expect((await messaging.ends(name)).size).toBe(partitions);
    for (const { topic, group } of Object.values(GROUPS))
      expect((await messaging.committed(topic, group)).size).toBeGreaterThan(0);
    const [appended] = await messaging.append(TOPICS.audit.name, {
      header: { appendId: '018f0000-0000-7000-8000-000000000001' },
      records: [{ headers: {}, value: Buffer.from('{}') }],
    });
    expect(appended).toMatchObject({ base: 0, count: 1 });
  } finally {
    await messaging.close();
  }
});

it('lets services queue tasks', async () => {
  await as('table-manager', async (client) => {
    const { rows } = await client.query(`select id from tasks.add_job('spec', '{"a": 1}')`);
    expect(rows).toHaveLength(1);
  });
});

it('needs no superuser', async () => {
  const admin = await connected(server.url('postgres'));
  await admin.query(`create role deployer login createdb createrole password 'p'`);
  // Roles are of the server: those of the databases above belong to its superuser.
  for (const { schema } of DATABASE_SERVICES)
    await admin.query(`grant ${roleName(schema)} to deployer with admin option`);
  await admin.end();
  const { applied } = await migrateAll({
    adminUrl: server.url('postgres', { name: 'deployer', password: 'p' }),
    database: 'deployed',
    passwords,
  });
  expect(applied['log']?.length).toBeGreaterThan(0);
});

it('leaves the password of a role alone when it is given none', async () => {
  await migrateAll({ adminUrl: server.url('postgres') });
  await as('table-manager', async (client) => void (await client.query('select 1')));
});

async function as(service: ServiceName, work: (client: Client) => Promise<void>): Promise<void> {
  const client = await connected(migrated.urls[service] as string);
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString });
  await client.connect();
  return client;
}
