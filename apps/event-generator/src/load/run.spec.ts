import { LOAD_REQUESTS_MAX, LOAD_WAITING_EVENTS_MAX } from '../limits';
import type { Outgoing } from '../targets/port';
import type { Published } from '../targets/publisher';
import { Ledger } from './ledger';
import { manifestOf } from './manifest';
import type { LoadSpec, PlannedItem } from './plan';
import { runLoad } from './run';

const SPEC: LoadSpec = {
  type: 'inventory',
  ratePerSecond: 1_000,
  seconds: 10,
  duplicates: 0.2,
  late: 0,
  corrupt: 0.1,
  seed: 's',
  fromMs: Date.UTC(2026, 0, 5),
  eventsPerRequest: 10,
};
const sent = (given: Partial<Published> = {}): Published => ({
  outcome: 'acknowledged',
  attempts: 1,
  quarantined: 0,
  maybeTwice: false,
  reason: null,
  ...given,
});

/** Time that moves only when nothing else is to be done, to the next thing that somebody waits for. */
class VirtualTime {
  now = 0;
  private readonly sleepers: { at: number; wake: () => void }[] = [];

  readonly wait = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        this.sleepers.splice(this.sleepers.indexOf(sleeper), 1);
        reject(new Error('aborted'));
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const sleeper = { at: this.now + ms, wake };
      this.sleepers.push(sleeper);
      signal?.addEventListener('abort', abort);
    });

  async until(done: Promise<unknown>): Promise<void> {
    let isDone = false;
    void done.then(() => (isDone = true));
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      if (isDone) return;
      this.sleepers.sort((a, b) => a.at - b.at);
      const next = this.sleepers.shift();
      if (!next) continue;
      this.now = Math.max(this.now, next.at);
      next.wake();
    }
  }
}

/** Runs the load against a target that takes so long, or answers so. */
async function run(
  spec: LoadSpec,
  target: (nth: number, time: VirtualTime, items: readonly Outgoing[]) => Promise<Published>,
  abort = new AbortController(),
) {
  const time = new VirtualTime();
  const ledger = new Ledger(spec);
  const requests: { at: number; items: readonly PlannedItem[] }[] = [];
  const publish = (items: readonly Outgoing[]): Promise<Published> => {
    requests.push({ at: time.now, items: items as readonly PlannedItem[] });
    return target(requests.length, time, items);
  };
  const deps = { publisher: { publish }, wait: time.wait, monotonicMs: () => time.now };
  await time.until(runLoad(spec, ledger, deps, abort.signal));
  return { report: ledger.report(), ledger, requests, time };
}

it('sends all items, at the rate, in order', async () => {
  const { report, requests, time } = await run(SPEC, async () => sent());
  expect(report).toMatchObject({ offered: 10_000, acknowledged: 10_000, notSent: 0, underWay: 0 });
  expect(requests).toHaveLength(1_000);
  expect(time.now).toBeGreaterThan(9_900);
  expect(time.now).toBeLessThan(10_100);
  requests.forEach(({ at }, i) => {
    expect(at).toBeGreaterThanOrEqual(i * 10);
    expect(at).toBeLessThan(i * 10 + 20);
  });
});

it('a slow target does not slow the load down: requests wait, and their latency says how long', async () => {
  // 64 at once, each 3.2 s: twenty requests a second where a hundred are offered.
  const slow = async (_nth: number, time: VirtualTime): Promise<Published> => {
    await time.wait(3_200);
    return sent();
  };
  const { report } = await run({ ...SPEC, seconds: 5 }, slow);
  expect(report).toMatchObject({ offered: 5_000, acknowledged: 5_000, notSent: 0 });
  // The last was due at 5 s and sent at about 22 s.
  expect(report.latencyMs.max).toBeGreaterThan(19_000);
  expect(report.latencyMs.p50).toBeGreaterThan(8_000);
  expect(report.latencyMs.p50).toBeLessThan(12_000);
});

it('what finds no room to wait is not sent, and counted; nothing else is lost', async () => {
  let free: () => void = () => undefined;
  const stuck = new Promise<Published>((resolve) => (free = () => resolve(sent())));
  const spec = { ...SPEC, ratePerSecond: 10_000, eventsPerRequest: 100 };
  const { report, requests } = await run(spec, (nth, time) => {
    if (nth === LOAD_REQUESTS_MAX) void time.wait(9_990).then(free);
    return stuck;
  });
  const room = LOAD_REQUESTS_MAX * 100 + LOAD_WAITING_EVENTS_MAX;
  expect(report.offered).toBe(100_000);
  expect(report.acknowledged).toBe(requests.length * 100);
  expect(report.acknowledged).toBeGreaterThanOrEqual(room);
  expect(report.acknowledged).toBeLessThan(room + 2_000);
  expect(report.notSent).toBe(100_000 - report.acknowledged);
});

it('ends at once when it is cancelled, and counts what was waiting as not sent', async () => {
  const abort = new AbortController();
  const { report } = await run(
    SPEC,
    async (nth, time) => {
      if (nth === 30) abort.abort();
      await time.wait(nth < 30 ? 0 : 100);
      return sent({ outcome: nth < 30 ? 'acknowledged' : 'unknown', reason: 'stopped' });
    },
    abort,
  );
  expect(report).toMatchObject({ acknowledged: 290, unknown: 10, underWay: 0, lastProblem: 'stopped' });
  expect(report.offered).toBe(report.acknowledged + report.unknown + report.notSent);
  expect(report.offered).toBeLessThan(1_000);
});

it('what it expects equals a plain fold over what was acknowledged, whatever was refused', async () => {
  const { report, requests, ledger } = await run(SPEC, async (nth) => {
    if (nth % 7 === 0) return sent({ outcome: 'refused', reason: 'no' });
    return sent(nth % 11 === 0 ? { maybeTwice: true, attempts: 2 } : {});
  });
  const taken = requests.filter((_, i) => (i + 1) % 7 !== 0).flatMap(({ items }) => items);
  const good = taken.filter(({ kind }) => kind !== 'corrupt');
  const landed = new Set(good.map(({ event }) => event)).size;
  expect(report.expected).toMatchObject({
    received: taken.length,
    landed,
    duplicate: good.length - landed,
    quarantined: taken.length - good.length,
    exact: false,
    unknownItems: 0,
  });
  // Some duplicates landed in the place of originals that were refused.
  expect(report.expected.duplicate).toBeLessThan(report.byKind.duplicate);
  expect(report.expected.maybeTwiceItems).toBeGreaterThan(0);
  const lines: string[] = [];
  for await (const text of manifestOf(SPEC, ledger)) lines.push(...text.trim().split('\n'));
  const ids = lines.map((line) => (JSON.parse(line) as { eventId: string | null }).eventId);
  expect([ids.length, new Set(ids.filter(Boolean)).size]).toEqual([taken.length, landed]);
});
