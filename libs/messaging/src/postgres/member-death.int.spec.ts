import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestDatabase, testDatabase } from '@millrace/postgres/testing';
import { batchOf, consume, freshTopic, total, until } from '../testing/records';
import { PostgresMessaging } from './engine';
import { MIGRATIONS_DIR } from './index';

/** Longer than a busy machine lets a process stand still: a lease that ran out so would be another test. */
const LEASE_MS = 2_500;

let database: TestDatabase;
let messaging: PostgresMessaging;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  database = await testDatabase({ migrations: [{ schema: 'log', dir: MIGRATIONS_DIR }] });
  messaging = new PostgresMessaging({
    url: database.url,
    applicationName: 'survivor',
    leaseMs: LEASE_MS,
    pollMs: 200,
    trimEveryMs: 0,
  });
});
afterAll(async () => {
  children.forEach((child) => child.kill('SIGKILL'));
  await messaging.close();
  await database.drop();
});

/** A member of the group in a process of its own, and what it says. */
async function member(topic: string): Promise<{ child: ChildProcess; said: (what: string) => string[] }> {
  const args = ['--conditions=@millrace/source', path.join(__dirname, 'crash-child.cjs'), database.url, topic];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const said = (what: string): string[] =>
    lines.filter((line) => line.startsWith(`${what} `)).flatMap((line) => line.slice(what.length + 1).split(','));
  await until(() => lines.includes('subscribed'), 20_000, 'the child subscribes');
  return { child, said };
}

describe('a member in another process', () => {
  it('that is killed loses nothing: what it had not acknowledged is taken over within a lease', async () => {
    const topic = await freshTopic(messaging, { partitions: 4 });
    const { child, said } = await member(topic);
    const subscription = await messaging.subscribe({ topic, group: 'g', eventsMax: 3 });
    await until(() => subscription.partitions().length === 2);
    const { values } = consume(subscription);
    const sent: string[] = [];
    const send = async (): Promise<void> => {
      sent.push(String(sent.length));
      await messaging.append(topic, batchOf(sent[sent.length - 1]));
    };
    while (said('acknowledged').length <= 40) await send();
    child.kill('SIGKILL');
    for (let i = 0; i < 50; i++) await send();
    await until(() => subscription.partitions().length === 4);
    await until(async () => (await total(messaging.committed(topic, 'g'))) === sent.length);

    const acknowledged = new Set(said('acknowledged'));
    expect(acknowledged.size).toBeGreaterThan(40);
    expect(new Set([...values, ...acknowledged])).toEqual(new Set(sent));
    // Its last acknowledgement may have been stored without its saying so; what it did say is not delivered again.
    expect(values.filter((value) => acknowledged.has(value))).toEqual([]);
    expect(new Set(values).size).toBe(values.length);
  });

  it('that is frozen longer than its lease hears on waking that its deliveries are not its own any more', async () => {
    const topic = await freshTopic(messaging, { partitions: 1 });
    const { child, said } = await member(topic);
    await messaging.append(topic, batchOf('a', 'b', 'c'));
    await until(() => said('delivered').length === 3);
    child.kill('SIGSTOP');
    const subscription = await messaging.subscribe({ topic, group: 'g' });
    const { values } = consume(subscription);
    await messaging.append(topic, batchOf('d'));
    await until(() => values.includes('d'));
    await until(async () => (await total(messaging.committed(topic, 'g'))) === 4);
    child.kill('SIGCONT');
    await until(() => said('aborted').length + said('acknowledged').length === 3);
    expect(said('aborted').length > 0).toBe(values.includes('a'));
    await messaging.append(topic, batchOf('e'));
    await until(async () => (await total(messaging.committed(topic, 'g'))) === 5);
    expect([...values, ...said('acknowledged')]).toEqual(expect.arrayContaining(['a', 'b', 'c', 'd', 'e']));
  });
});
