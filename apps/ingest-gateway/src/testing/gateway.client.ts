import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { decode, type Decoded, type InboundHeaders } from '@millrace/envelope';
import type { BatchHeader, Headers as RecordHeaders } from '@millrace/messaging';
import { decodeFrame } from '@millrace/messaging/codec';
import { MIGRATIONS_DIR } from '@millrace/messaging/postgres';
import { type TestDatabase, testDatabase } from '@millrace/postgres/testing';
import { startService, type StartedService } from '@millrace/service/testing';
import { ingestGateway } from '../service';

const OWN_MIGRATIONS = path.resolve(__dirname, '..', '..', 'prisma', 'migrations');

/** An answer as a client sees it. */
export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed text; undefined where it is no JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape, looked at by tests
  readonly json: any;
}

/** One item as the log holds it. */
export interface LoggedItem {
  readonly partition: number;
  readonly headers: RecordHeaders;
  readonly value: Buffer;
}

export interface LoggedBatch {
  readonly partition: number;
  readonly header: BatchHeader;
  readonly items: readonly LoggedItem[];
}

/** A database that a gateway can run on. */
export type GatewayDatabase = Pick<TestDatabase, 'url' | 'pool' | 'drop'>;

export const GATEWAY_MIGRATIONS = [
  { schema: 'log', dir: MIGRATIONS_DIR },
  { schema: 'ingest_gateway', dir: OWN_MIGRATIONS },
];

/** A fresh, migrated database on the server that all tests share. */
export function gatewayDatabase(options: { durable?: boolean } = {}): Promise<GatewayDatabase> {
  return testDatabase({ durable: options.durable, migrations: GATEWAY_MIGRATIONS });
}

/** The service, over real HTTP on a free port, with a real log in a database of its own. */
export class TestGateway {
  private constructor(
    readonly database: GatewayDatabase,
    readonly lake: string,
    private readonly started: StartedService,
    private readonly ownsDatabase: boolean,
  ) {}

  static async start(
    env: Readonly<Record<string, string>> = {},
    given: { database?: GatewayDatabase; lake?: string } = {},
  ): Promise<TestGateway> {
    const database = given.database ?? (await gatewayDatabase());
    const lake = given.lake ?? (await mkdtemp(path.join(os.tmpdir(), 'millrace-gateway-lake-')));
    const service = await startService(ingestGateway, { DATABASE_URL: database.url, STORAGE_ROOT: lake, ...env });
    return new TestGateway(database, lake, service, given.database === undefined);
  }

  get url(): string {
    return this.started.url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async post(route: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Received> {
    return this.request('POST', route, { body, headers });
  }

  /** A JSON body of `application/json` unless the headers say otherwise. */
  postJson(route: string, value: unknown, headers: Record<string, string> = {}): Promise<Received> {
    return this.post(route, JSON.stringify(value), { 'content-type': 'application/json', ...headers });
  }

  async request(
    method: string,
    route: string,
    { body, headers }: { body?: string | Buffer; headers?: Record<string, string> } = {},
  ): Promise<Received> {
    const response = await fetch(`${this.url}${route}`, {
      method,
      headers,
      // Bytes and no string, for which a content type would be made up.
      body: body === undefined ? undefined : new Uint8Array(Buffer.from(body)),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  /** All appends of events, oldest first within a partition. */
  async batches(): Promise<LoggedBatch[]> {
    const { rows } = await this.database.pool.query<{ part: number; header: BatchHeader; body: Buffer }>(
      `SELECT part, header, body FROM log.batch b JOIN log.topic t ON t.id = b.topic WHERE t.name = 'events.inbound'
        ORDER BY appended_at, part, base`,
    );
    return rows.map(({ part, header, body }) => ({
      partition: part,
      header,
      items: decodeFrame(body).records.map(({ headers, value }) => ({ partition: part, headers, value })),
    }));
  }

  async items(): Promise<LoggedItem[]> {
    return (await this.batches()).flatMap(({ items }) => items);
  }

  /** What is in the log so far is left out of later looks at it. */
  async clear(): Promise<void> {
    await this.database.pool.query('DELETE FROM log.batch');
  }

  async stop(): Promise<void> {
    await this.started.stop();
    if (this.ownsDatabase) await this.database.drop();
    await rm(this.lake, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** What curation will make of an item. */
export function decodeItem({ headers, value }: LoggedItem): Decoded {
  return decode(value, headers as unknown as InboundHeaders);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
