import type { Duck } from '@millrace/lakehouse';
import { systemRandom } from '@millrace/observability';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import { landBatch, type LandBatch } from '../landing/land-batch';
import { LandingError } from '../landing/port';
import { type Bench, batchOf, makeBench, shipmentEvent } from '../testing/landing-bench';
import { testDuck, testLogger } from '../testing/worker-under-test';
import { MemoryKeyStore } from '../privacy/memory/key-store';
import { Opener } from '../privacy/opener';
import { MemoryReplayStore } from './memory-store';
import { openingStore } from './opening-store';
import { ReplayRunner } from './runner';

let duck: Duck;
beforeAll(async () => (duck = await testDuck()));
afterAll(() => duck.close());

const POLICY = { attemptsMax: 3, waitMsMin: 1 };
const { signal } = new AbortController();

const openerOf = (bench: Bench): Opener => new Opener(bench.protections, new MemoryKeyStore());

const runnerOf = (
  bench: Bench,
  replays: MemoryReplayStore,
  epoch = bench.epoch,
  failpoint: Failpoint<'curation-worker'> = noFailpoints,
): ReplayRunner =>
  new ReplayRunner(
    {
      ...{
        store: openingStore(replays, openerOf(bench)),
        lander: bench.lander,
        random: systemRandom,
        logger: testLogger,
        failpoint,
      },
      ...{ mend: () => Promise.reject(new Error('none')), epoch: () => epoch, monotonicMs: () => performance.now() },
      onLanded: () => undefined,
    },
    POLICY,
  );

/** A bench with one event that waits, and whose landings go as `how` says. */
async function waiting(how: LandBatch): Promise<{ bench: Bench; replays: MemoryReplayStore }> {
  const bench = await makeBench({ duck, landBatch: how });
  const batch = batchOf([shipmentEvent('w')]);
  const prepared = await bench.lander.prepare(batch, { putAside: 'named', signal });
  const putAside = { error: 'at first', retryInMs: -1 };
  await bench.lander.land(prepared, { epoch: bench.epoch, attempts: 6, signal, putAside });
  return { bench, replays: new MemoryReplayStore(bench.store) };
}

const due = ({ store }: Bench): void => store.state.waiting.forEach((row) => (row.nextMs = 0));
const sums = ({ store }: Bench) =>
  [...store.state.manifests.values()].map(({ landed, duplicate, quarantined }) => [landed, duplicate, quarantined]);

/** Makes of all quarantined events what passes, as a change of the contract would. */
async function mendAll(bench: Bench): Promise<void> {
  const { quarantine } = bench.store.state;
  for (const [i, item] of (await openerOf(bench).items(quarantine)).entries()) {
    if (!item.ok) throw new Error(item.why);
    const raw = Buffer.from(item.raw.toString().replace('"lost"', '"created"'));
    Object.assign(quarantine[i], { raw, headers: item.headers, sealedBy: null });
  }
}

test('an event that could not be processed waits as pending, and lands as what it is once it can be', async () => {
  const { bench, replays } = await waiting(landBatch);
  expect(sums(bench)).toEqual([[0, 0, 0]]);
  const [files] = [...bench.store.state.manifests.values()].map(
    ({ message }) => (message as { files: { table: string }[] }).files,
  );
  expect(files.map(({ table }) => table).sort()).toEqual(['_unreadable', 'ops.fates']);
  await runnerOf(bench, replays).round(signal);
  expect(sums(bench)).toEqual([
    [0, 0, 0],
    [1, 0, 0],
  ]);
  expect(bench.store.state.waiting.size).toBe(0);
  expect(await runnerOf(bench, replays).round(signal)).toBe(false);
});

test('the third failure makes it a dead letter, with its bytes, its attempts and the last failure', async () => {
  let tries = 0;
  const { bench, replays } = await waiting(async (deps, attempt) => {
    if (attempt.putAside || attempt.curated.validated.every((event) => !event.ok)) return landBatch(deps, attempt);
    throw Object.assign(new Error('of a value'), { code: `BOOM_${++tries}` });
  });
  const runner = runnerOf(bench, replays);
  for (let round = 0; round < 5; round++) {
    due(bench);
    await runner.round(signal);
  }
  expect(tries).toBe(3);
  expect(bench.store.state.waiting.size).toBe(0);
  expect(bench.store.state.quarantine).toMatchObject([
    {
      reason: 'dead_letter',
      eventId: 'w',
      attempts: 3,
      rule: expect.stringMatching(/failure: Error BOOM_3$/),
      offset: 0,
    },
  ]);
  expect(sums(bench)).toEqual([
    [0, 0, 0],
    [0, 0, 1],
  ]);
});

test('an outage of the database counts as no attempt', async () => {
  let away = 20;
  const { bench, replays } = await waiting(async (deps, attempt) => {
    if (!attempt.putAside && away-- > 0) throw new LandingError('LANDING_UNAVAILABLE', 'away');
    return landBatch(deps, attempt);
  });
  await runnerOf(bench, replays).round(signal);
  expect(away).toBeLessThan(0);
  expect(sums(bench)).toEqual([
    [0, 0, 0],
    [1, 0, 0],
  ]);
});

test('tries that end with their process count half, since it may have been ended for other reasons', async () => {
  const { bench, replays } = await waiting(landBatch);
  let epoch = bench.epoch;
  for (let crash = 0; crash < 7; crash++) {
    await replays.takeWaiting(epoch);
    await bench.store.retire(epoch);
    epoch = await bench.store.register('next');
  }
  await runnerOf(bench, replays, epoch).round(signal);
  expect(bench.store.state.quarantine).toMatchObject([{ reason: 'dead_letter', eventId: 'w' }]);
});

test('one item that no landing survives keeps a job from nothing else', async () => {
  const bench = await makeBench({
    duck,
    landBatch: async (deps, attempt) => {
      if (attempt.replay && attempt.curated.validated.some((event) => event.ok && event.envelope.eventId === 'q11'))
        throw new Error('something nobody thought of');
      return landBatch(deps, attempt);
    },
  });
  const items = Array.from({ length: 40 }, (_, i) => shipmentEvent(`q${i}`, { status: 'lost' }));
  await bench.lander.land(await bench.lander.prepare(batchOf(items), { signal }), {
    epoch: bench.epoch,
    attempts: 1,
    signal,
  });
  await mendAll(bench);
  const replays = new MemoryReplayStore(bench.store);
  const job = await replays.create({
    ...{ tenant: 'default', selection: { filter: { source: 'test' } }, recipe: null, rate: 20_000, createdBy: 'me' },
  });
  const runner = runnerOf(bench, replays);
  for (let round = 0; (await replays.get('default', job.id))?.state === 'running'; round++) {
    expect(round).toBeLessThan(200);
    await runner.round(signal);
  }
  expect(await replays.get('default', job.id)).toMatchObject({ state: 'done', landed: 39, failed: 1 });
  expect(bench.store.state.quarantine.filter(({ status }) => status === 'open')).toMatchObject([{ eventId: 'q11' }]);
  const total = sums(bench).reduce((a, b) => a.map((n, i) => n + b[i]));
  expect(total).toEqual([39, 0, 1]);
});

test('a process may end at each of its places: a replay and a retry land what they have once, and come to an end', async () => {
  const { bench, replays } = await waiting(landBatch);
  const items = Array.from({ length: 20 }, (_, i) => shipmentEvent(`r${i}`, { status: 'lost' }));
  const prepared = await bench.lander.prepare(batchOf(items, 1), { signal });
  await bench.lander.land(prepared, { epoch: bench.epoch, attempts: 1, signal });
  await mendAll(bench);
  const job = await replays.create({
    ...{ tenant: 'default', selection: { filter: { source: 'test' } }, recipe: null, rate: 8, createdBy: 'me' },
  });
  let { epoch } = bench;
  const ended: string[] = [];
  for (const place of ['retry-taken', 'replay-noted', 'replay-landed']) {
    let passed = false;
    const dying = runnerOf(bench, replays, epoch, async (at) => {
      passed ||= at === place;
      if (passed) throw new LandingError('LANDING_FENCED', `ends at ${at}`);
    });
    await dying.round(signal).catch(() => undefined);
    if (passed) ended.push(place);
    await bench.store.retire(epoch);
    epoch = await bench.store.register('next');
    due(bench);
  }
  expect(ended).toEqual(['retry-taken', 'replay-noted', 'replay-landed']);
  for (let round = 0; (await replays.get('default', job.id))?.state === 'running'; round++) {
    expect(round).toBeLessThan(50);
    await runnerOf(bench, replays, epoch).round(signal);
  }
  expect(await replays.get('default', job.id)).toMatchObject({ state: 'done', landed: 20, failed: 0 });
  expect(bench.store.state.waiting.size).toBe(0);
  expect(sums(bench).reduce((a, b) => a.map((n, i) => n + b[i]))).toEqual([21, 0, 0]);
});
