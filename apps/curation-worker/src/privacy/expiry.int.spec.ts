import { randomUUID } from 'node:crypto';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { MIGRATIONS } from '../testing/lake';
import { testLogger } from '../testing/worker-under-test';
import { EXPIRED, expire, type ExpiryDeps } from './expiry';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();

let database: TestDatabase;
let days: { date: string; madeAt: Date }[];
let unreadSince: Date | null;
let now: number;
beforeEach(async () => {
  database = await testDatabase({ migrations: MIGRATIONS });
  days = [];
  unreadSince = null;
  now = Date.now();
  await accepted(now);
});
afterEach(() => database.drop());

const query = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;
const accepted = (ms: number) =>
  query(
    `INSERT INTO curation_worker.position (topic, partition, next, epoch, accepted_to) VALUES ('t', '0', 0, 1, $1)
     ON CONFLICT (topic, partition) DO UPDATE SET accepted_to = $1`,
    [new Date(ms)],
  );
const dateOf = (daysAgo: number): string => new Date(now - daysAgo * DAY_MS).toISOString().slice(0, 10);
const made = (daysAgo: number, madeDaysAgo = daysAgo): void =>
  void days.push({ date: dateOf(daysAgo), madeAt: new Date(now - madeDaysAgo * DAY_MS) });
const dayLater = () =>
  query(`UPDATE curation_worker.daily_key_expiry SET advanced_at = advanced_at - interval '25 hours'`);

const deps = (): ExpiryDeps => ({
  pool: database.pool,
  keys: {
    days: async () => [...days],
    destroy: async (date) => void (days = days.filter((each) => each.date !== date)),
  },
  unreadSince: async () => unreadSince,
  keepMs: 10 * DAY_MS,
  logger: testLogger,
  newId: randomUUID,
});
const audited = async (): Promise<unknown[]> =>
  (await query('SELECT topic, body FROM curation_worker.message_outbox ORDER BY seq')).map(({ topic, body }) => [
    topic,
    body.action,
    body.subject,
  ]);
const once = (): Promise<string | null> => expire(deps(), signal);

async function quarantined(daysAgo: number, sealedBy: string | null): Promise<void> {
  await query(
    `INSERT INTO curation_worker.quarantine (group_id, reason, rule, path, group_rule, group_path, tenant, source,
       accepted_at, quarantined_at, topic, partition, batch_id, raw_part, raw_line, headers, raw, sealed_by)
     VALUES ('g', 'r', 'r', '$', 'r', '$', 't', 's', $1, $1, 't', '0', 1, 'p', 1, '{}', 'bytes', $2)`,
    [new Date(now - daysAgo * DAY_MS), sealedBy],
  );
}

it('keys go a day a day, the oldest first, once their day ended long enough ago', async () => {
  for (const daysAgo of [30, 20, 11, 9, 0]) made(daysAgo);
  expect(await once()).toBe(dateOf(30));
  expect(await once()).toBeNull();
  await dayLater();
  expect(await once()).toBe(dateOf(20));
  await dayLater();
  expect(await once()).toBe(dateOf(11));
  await dayLater();
  expect(await once()).toBeNull();
  expect(days.map(({ date }) => date)).toEqual([dateOf(9), dateOf(0)]);
  expect(await audited()).toEqual(
    [30, 20, 11].map((daysAgo) => ['audit', 'privacy.daily_key_destroyed', `key d${dateOf(daysAgo)}`]),
  );
});

it('of several workers at once one destroys a key', async () => {
  made(30);
  made(29);
  const destroyed = await Promise.all(Array.from({ length: 5 }, once));
  expect(days).toEqual([{ date: dateOf(29), madeAt: expect.any(Date) }]);
  expect(new Set(destroyed.filter((date) => date !== null))).toEqual(new Set([dateOf(30)]));
  expect(await audited()).toHaveLength(1);
});

it('who died after the decision is finished for by the next', async () => {
  made(30);
  const dying = deps();
  await expect(
    expire({ ...dying, keys: { ...dying.keys, destroy: () => Promise.reject(new Error('killed')) } }, signal),
  ).rejects.toThrow('killed');
  expect(await once()).toBe(dateOf(30));
  expect(await audited()).toHaveLength(1);
});

it('a key stays for as long as an event of its day is not curated, or waits to be tried again', async () => {
  made(30);
  unreadSince = new Date(now - 30 * DAY_MS);
  expect(await once()).toBeNull();
  unreadSince = new Date(now - 5 * DAY_MS);
  await query(
    `INSERT INTO curation_worker.waiting (tenant, source, accepted_at, topic, partition, batch_id, raw_part, raw_line,
       headers, ingestion_id, raw, sealed_by, last_error, next_at)
     VALUES ('t', 's', now(), 't', '0', 1, 'p', 1, '{}', 'i', 'bytes', $1, 'e', now())`,
    [`d${dateOf(30)}`],
  );
  expect(await once()).toBeNull();
  await query('DELETE FROM curation_worker.waiting');
  expect(await once()).toBe(dateOf(30));
});

it('a wrong clock destroys nothing: neither the database nor a gateway that makes keys of the past', async () => {
  made(30);
  // Nothing has been accepted for a long time, or the database is ahead.
  await accepted(now - 25 * DAY_MS);
  expect(await once()).toBeNull();
  await accepted(now);
  days = [];
  made(30, 1);
  expect(await once()).toBeNull();
});

it('contents of quarantined items that may be personal go after the same time, their causes stay', async () => {
  await quarantined(11, 's1');
  await quarantined(11, 'd2026-01-01');
  await quarantined(9, 's1');
  await quarantined(11, null);
  await once();
  const rows = await query(
    `SELECT sealed_by AS by, length(raw) AS bytes, rule FROM curation_worker.quarantine ORDER BY id`,
  );
  expect(rows).toEqual([
    { by: EXPIRED, bytes: 0, rule: 'r' },
    { by: EXPIRED, bytes: 0, rule: 'r' },
    { by: 's1', bytes: 5, rule: 'r' },
    { by: null, bytes: 5, rule: 'r' },
  ]);
});
