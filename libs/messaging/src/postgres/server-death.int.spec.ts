import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '@millrace/postgres';
import { type Embedded, startEmbedded } from '@millrace/postgres/embedded';
import { newAppendId } from '../append-id';
import { MessagingError } from '../port';
import { consume, record, take, total, until } from '../testing/records';
import { PostgresMessaging } from './engine';
import { MIGRATIONS_DIR } from './index';

const CRASHES = 3;
/** A crash that falls between two appends shows little: more follow, up to this many. */
const CRASHES_MAX = 30;
const WRITERS = 6;

describe('a Postgres that is killed in the middle of appends', () => {
  let dataDir: string;
  let server: Embedded;
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'millrace-log-'));
    server = await startEmbedded({ dataDir });
    await migrate({ url: server.url('postgres'), schema: 'log', dir: MIGRATIONS_DIR });
  });
  afterAll(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  });

  it('loses nothing that was acknowledged, doubles nothing, and goes on by itself', async () => {
    const troubles: unknown[] = [];
    const messaging = new PostgresMessaging({
      url: server.url('postgres'),
      applicationName: 'writer',
      leaseMs: 3_000,
      pollMs: 300,
      appendRetryMs: 30_000,
      onError: (error) => troubles.push(error),
    });
    await messaging.ensureTopic('t', { partitions: 3 });
    const subscription = await messaging.subscribe({ topic: 't', group: 'g' });
    const { values: consumed } = consume(subscription);

    const acknowledged: string[] = [];
    let refused = 0;
    let stopped = false;
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let n = 0; !stopped; n++) {
        const values = [`${writer}-${n}-a`, `${writer}-${n}-b`];
        const batch = {
          header: { appendId: newAppendId() },
          records: values.map((value) => record(value, n % 5 ? null : value)),
        };
        // A refusal while the server is away is repeated under the same id, as a gateway's client would.
        for (;;) {
          try {
            await messaging.append('t', batch);
            break;
          } catch (error) {
            if (!(error instanceof MessagingError) || !error.canRetry) throw error;
            refused++;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
        acknowledged.push(...values);
      }
    });
    const unknown = (): number =>
      troubles.filter((error) => error instanceof MessagingError && error.code === 'MESSAGING_UNKNOWN').length;
    const shown = (): boolean => unknown() > 0 && refused > 0;
    for (let crash = 0; crash < CRASHES || (!shown() && crash < CRASHES_MAX); crash++) {
      const before = acknowledged.length;
      await until(() => acknowledged.length > before + 300, 30_000, 'appends go on');
      process.kill(server.pid, 'SIGKILL');
      const { port } = server;
      server.release();
      server = await startEmbedded({ dataDir, port });
    }
    const before = acknowledged.length;
    await until(() => acknowledged.length > before + 300, 30_000, 'appends go on after the last crash');
    stopped = true;
    await Promise.all(writers);

    expect(await total(messaging.ends('t'))).toBe(acknowledged.length);
    const reader = await messaging.subscribe({ topic: 't', group: 'audit' });
    expect((await take(reader, acknowledged.length)).sort()).toEqual(acknowledged.sort());
    await until(async () => (await total(messaging.committed('t', 'g'))) === acknowledged.length, 30_000);
    expect(new Set(consumed)).toEqual(new Set(acknowledged));
    // Without appends caught in flight and refusals this would have shown nothing.
    expect({ unknown: unknown() > 0, refused: refused > 0 }).toEqual({ unknown: true, refused: true });
    await messaging.close();
  });
});
