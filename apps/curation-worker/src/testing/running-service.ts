import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { systemClock, systemRandom } from '@millrace/observability';
import type { MasterKeys } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { createService, type Service } from '@millrace/service';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, TOPICS } from '@millrace/topics';
import { AppModule } from '../app.module';
import { config } from '../config';
import { Opener } from '../privacy/opener';
import { PostgresKeyStore } from '../privacy/postgres/key-store';
import { Protections } from '../privacy/protection';
import { MIGRATIONS, publishContracts } from './lake';

/** What a service answered: tests look into it and say what has to be there. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

export interface RunningService {
  readonly database: TestDatabase;
  readonly messaging: Messaging;
  readonly storage: Storage;
  /** Of what the service seals. */
  readonly opener: Opener;
  readonly master: MasterKeys;
  /** Starts another process' worth of the service on the same database and lake; it is stopped with this one. */
  again(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Asks the service; the body is JSON, or null where there is none. */
  call(method: string, route: string, body?: unknown): Promise<{ status: number; body: Json }>;
  stop(): Promise<void>;
}

/** The whole service on a database and a lake of its own, with the bundled contracts in force. */
export async function runningService(env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  const database = await testDatabase({ migrations: MIGRATIONS });
  const root = await mkdtemp(path.join(os.tmpdir(), 'curation-'));
  const storage = createFilesystemStorage({ root });
  const masterKeys = path.join(root, '.keys', 'master.json');
  await publishContracts(storage);
  const messaging = createPostgresMessaging({ url: database.url, applicationName: 'test' });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  const services: Service[] = [];
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<Service> => {
    const service = createService(
      { name: 'curation-worker', version: '0.0.0', config, module: (context) => AppModule.compose(context) },
      {
        ...{ PORT: '0', DATABASE_URL: database.url, STORAGE_ROOT: root, LANDING_LINGER: '10ms' },
        MASTER_KEY_FILE: masterKeys,
        ...{ LOG_LEVEL: process.env['TEST_LOG'] ? 'info' : 'silent', ...env, ...more },
      },
    );
    await service.start();
    services.push(service);
    return service;
  };
  const service = await start();
  const keys = new PostgresKeyStore(database.pool);
  const master = createFileMasterKeys(masterKeys, systemRandom);
  const deps = { storage, keys, master, clock: systemClock, random: systemRandom };
  return {
    ...{ database, messaging, storage, master },
    again: async (more) => void (await start(more)),
    opener: new Opener(new Protections({ ...deps, dailyKeepDays: 30 }), keys),
    call: async (method, route, body) => {
      const response = await fetch(`${service.address}${route}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : JSON.parse(text) };
    },
    stop: async () => {
      for (const each of services) await each.stop();
      await messaging.close();
      await database.drop();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
