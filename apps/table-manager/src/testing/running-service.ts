import path from 'node:path';
import { lakeForTests, type TestLake } from '@millrace/lakehouse/testing';
import type { Messaging } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { startService, type StartedService } from '@millrace/service/testing';
import { GROUPS, TOPICS } from '@millrace/topics';
import { service } from '../service';
import { MIGRATIONS, until } from './rig';

const LOG = { schema: 'log', dir: path.join(__dirname, '../../../../libs/messaging/src/postgres/migrations') };

export interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at by tests
  readonly json: any;
}

/** The service over real HTTP, with a lake, a database and a log of its own. */
export class RunningService {
  private readonly heard = new Map<string, unknown[]>();

  private constructor(
    readonly lake: TestLake,
    readonly database: TestDatabase,
    readonly messaging: Messaging,
    readonly started: StartedService,
  ) {}

  static async start(env: Readonly<Record<string, string>> = {}): Promise<RunningService> {
    const lake = await lakeForTests();
    const database = await testDatabase({ migrations: [LOG, ...MIGRATIONS] });
    const messaging = createPostgresMessaging({ url: database.url, applicationName: 'spec' });
    for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
    for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
    const started = await startService(service, { DATABASE_URL: database.url, STORAGE_ROOT: lake.folder, ...env });
    const running = new RunningService(lake, database, messaging, started);
    await until(async () => (await running.call('GET', '/v1/contracts')).json?.index === 1);
    return running;
  }

  get url(): string {
    return this.started.url;
  }

  async call(
    method: string,
    route: string,
    body?: string | object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered> {
    const response = await fetch(this.url + route, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: typeof body === 'object' ? JSON.stringify(body) : body,
    });
    const text = await response.text();
    const type = response.headers.get('content-type');
    return {
      ...{ status: response.status, type, text, headers: response.headers },
      json: type?.includes('json') && text !== '' ? JSON.parse(text) : undefined,
    };
  }

  /** Everything that is said on a topic from now on. */
  async listen<T>(topic: string): Promise<T[]> {
    const heard: T[] = [];
    const subscription = await this.messaging.subscribe({ topic, group: `spec-${this.heard.size}` });
    this.heard.set(topic, heard);
    void (async () => {
      for (let delivery = await subscription.next(); delivery; delivery = await subscription.next()) {
        for (const { value } of delivery.batches.flatMap(({ records }) => records))
          heard.push(JSON.parse(value.toString('utf8')) as T);
        await delivery.ack();
      }
    })();
    return heard;
  }

  async stop(): Promise<void> {
    await this.started.stop();
    await this.messaging.close();
    await this.database.drop();
    await this.lake.dispose();
  }
}
