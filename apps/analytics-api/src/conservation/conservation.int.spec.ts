import path from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Messaging } from '@millrace/messaging';
import { createMemoryMessaging, MemoryLog } from '@millrace/messaging/memory';
import { systemClock } from '@millrace/observability';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { type BatchStaged, GROUPS, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresReadModels } from '../projection/postgres-read-models';
import { noFailpoints } from '@millrace/observability/failpoints';
import { createProjections } from '../projection/projections';
import { conservation } from './conservation';

const migrations = [{ schema: 'analytics_api', dir: path.join(__dirname, '../../prisma/migrations') }];
const TOPIC = TOPICS.eventsInbound.name;
const PARTITIONS = 3;
const HOURS = ['2026-03-01T10:00:00.000Z', '2026-03-01T11:00:00.000Z'];
const SOURCES = ['http', 'pubsub'];

let database: TestDatabase;
beforeEach(async () => (database = await testDatabase({ migrations })));
afterEach(() => database.drop());

interface Landing {
  readonly partition: string;
  readonly from: number;
  readonly to: number;
  readonly source: string;
  readonly hour: string;
}

/** A path in small: receipts are appended, land in any order of partitions, and are announced in any order, repeatedly. */
test.each([1, 2, 3])(
  'whatever comes in whatever order, no answer has negative pending and the last one is exact (%i)',
  async (seed) => {
    let state = seed * 7_919;
    const random = (n: number): number => (state = (state * 48_271) % 2_147_483_647) % n;
    const log = new MemoryLog(systemClock);
    const opened: Messaging[] = [];
    const open = (): Messaging => {
      const messaging = createMemoryMessaging({ log, leaseMs: 5_000, graceMs: 200, pollMs: 30 });
      opened.push(messaging);
      return messaging;
    };
    const messaging = open();
    await messaging.ensureTopic(TOPIC, { partitions: PARTITIONS });
    await messaging.ensureTopic(TOPICS.batchesStaged.name, { partitions: 1 });
    for (const { topic, group } of [GROUPS.conservation, GROUPS.analyticsBatches])
      await messaging.ensureGroup(topic, group);
    const models = new PostgresReadModels(database.pool);
    const sleep = (ms: number): Promise<void> => sleepFor(ms);
    const errors: unknown[] = [];
    const instance = async () => {
      const projections = createProjections({
        messaging: open(),
        readModels: models,
        sleep,
        failpoint: noFailpoints,
        onError: (error) => errors.push(error),
      });
      for (const loop of Object.values(projections)) await loop.start();
      return { stop: () => Promise.all(Object.values(projections).map((loop) => loop.stop())) };
    };
    const deps = {
      readModels: models,
      ends: () => messaging.ends(TOPIC),
      topic: TOPIC,
      sleep,
      now: () => Date.now(),
      waitMsMax: 0,
    };

    const wanted = { received: 0, landed: 0, duplicate: 0, quarantined: 0 };
    const waiting: Landing[] = [];
    const told: BatchStaged[] = [];
    let running = [await instance(), await instance()];
    let answers = 0;
    let over = false;
    const asking = (async (): Promise<void> => {
      while (!over) {
        const answer = await conservation(deps, 't', null, null);
        for (const row of answer?.rows ?? []) expect(row.pending).toBeGreaterThanOrEqual(0);
        if (answer) answers++;
        await sleep(3);
      }
    })();
    const announce = async (batch: BatchStaged): Promise<void> => {
      const records = [{ headers: {}, value: Buffer.from(JSON.stringify(batch)) }];
      await messaging.append(TOPICS.batchesStaged.name, { header: { appendId: v4() }, records });
    };
    for (let step = 0; step < 120; step++) {
      const action = random(10);
      if (action < 4) {
        const [source, hour, count] = [SOURCES[random(2)], HOURS[random(2)], 1 + random(5)];
        const records = Array.from({ length: count }, () => ({ headers: {}, value: Buffer.from('{}') }));
        const header = { appendId: v4(), counts: [{ tenant: 't', source, hour, count }] };
        const [{ partition, base }] = await messaging.append(
          TOPIC,
          { header, records },
          { partition: String(random(PARTITIONS)) },
        );
        wanted.received += count;
        waiting.push({ partition, from: base as number, to: (base as number) + count, source, hour });
      } else if (action < 8 && waiting.length > 0) {
        const { source, hour, ...range } = waiting.shift() as Landing;
        const n = range.to - range.from;
        const landed = random(n + 1);
        const duplicate = random(n - landed + 1);
        const fates = { landed, duplicate, quarantined: n - landed - duplicate };
        for (const key of Object.keys(fates) as (keyof typeof fates)[]) wanted[key] += fates[key];
        const number = told.length + 1;
        told.push({
          ...{ lineId: 'line', number, batchId: number, topic: TOPIC, partition: range.partition, range },
          ...{ landedAt: hour, acceptedFrom: hour, acceptedTo: hour, contractsIndex: 1, files: [] },
          counts: [{ tenant: 't', source, hour, ...fates }],
        });
        // Some are announced late, out of order.
        if (random(3) > 0) await announce(told[number - 1]);
      } else if (action === 8 && told.length > 0) await announce(told[random(told.length)]);
      else if (action === 9 && random(3) === 0) {
        const [gone] = running.splice(random(running.length), 1);
        await gone.stop();
        running.push(await instance());
      }
      await sleep(random(4));
    }
    for (const batch of told) await announce(batch);
    for (let i = 0; i < 1_600; i++) {
      const progress = await models.progress('line', TOPIC);
      const answer = await conservation({ ...deps, waitMsMax: 5_000 }, 't', null, null);
      if (progress.number === told.length && answer?.totals.landed === wanted.landed) break;
      await sleep(25);
    }
    over = true;
    await asking;
    const last = await conservation({ ...deps, waitMsMax: 5_000 }, 't', null, null);
    const pending = wanted.received - wanted.landed - wanted.duplicate - wanted.quarantined;
    expect(last?.totals).toEqual({ ...wanted, pending });
    expect(answers).toBeGreaterThan(0);
    for (const each of running.splice(0)) await each.stop();
    running = [];
    for (const each of opened) await each.close();
    expect(errors).toEqual([]);
  },
  60_000,
);
