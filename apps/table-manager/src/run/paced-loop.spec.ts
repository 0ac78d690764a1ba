import { PacedLoop } from './paced-loop';

/** A loop over a clock that jumps to whatever is waited for. */
function paced(
  round: (n: number) => Promise<boolean>,
  options: { idleMs?: number; restShare?: () => number; effortMs?: () => number; restMsMax?: number; rounds: number },
) {
  let nowMs = 0;
  const began: number[] = [];
  let done: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (done = resolve));
  const errors: unknown[] = [];
  const loop: PacedLoop = new PacedLoop({
    everyMs: 100,
    idleMs: options.idleMs ?? 1_000,
    restShare: options.restShare,
    effortMs: options.effortMs,
    restMsMax: options.restMsMax,
    monotonicMs: () => nowMs,
    onError: (error) => errors.push(error),
    round: async () => {
      began.push(nowMs);
      if (began.length === options.rounds) done();
      return round(began.length);
    },
    sleep: async (ms, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (!signal.aborted) nowMs += ms;
    },
  });
  return { loop, began, errors, finished, pass: (ms: number) => (nowMs += ms) };
}

async function roundsOf(run: ReturnType<typeof paced>): Promise<number[]> {
  await run.loop.start();
  await run.finished;
  await run.loop.stop();
  return run.began;
}

test('rounds with more to do follow at the pace, others after the idle time', async () => {
  const run = paced(async (n) => n < 3, { rounds: 5 });
  expect(await roundsOf(run)).toEqual([0, 100, 200, 1_200, 2_200]);
});

test('a wake-up brings the next round at the pace, and at once after a round that found nothing', async () => {
  const run = paced(
    async (n) => {
      if (n <= 3) run.loop.wake();
      return n === 2;
    },
    { rounds: 5 },
  );
  expect(await roundsOf(run)).toEqual([0, 0, 100, 100, 1_100]);
});

test('a failing round is tried again later and later, and says why until one succeeds', async () => {
  const run = paced(
    async (n) => {
      if (n < 4) throw new Error(`no ${n}`);
      return false;
    },
    { rounds: 4 },
  );
  expect(await roundsOf(run)).toEqual([0, 200, 600, 1_400]);
  expect(run.errors).toHaveLength(3);
  expect(run.loop.fault).toBeNull();
});

test('a costly round is followed by a rest', async () => {
  const run = paced(
    async () => {
      run.pass(500);
      return true;
    },
    { rounds: 3, restShare: () => 1 },
  );
  expect(await roundsOf(run)).toEqual([0, 1_000, 2_000]);
});

test('a rest has a limit', async () => {
  const run = paced(
    async () => {
      run.pass(500);
      return true;
    },
    { rounds: 3, restShare: () => 100, restMsMax: 700 },
  );
  expect(await roundsOf(run)).toEqual([0, 1_200, 2_400]);
});

test('where effort is told apart from time, a round that only waited is followed by no rest', async () => {
  let effortMs = 0;
  const run = paced(
    async (n) => {
      run.pass(500);
      if (n === 2) effortMs += 200;
      return true;
    },
    { rounds: 4, restShare: () => 3, effortMs: () => effortMs },
  );
  expect(await roundsOf(run)).toEqual([0, 500, 1_600, 2_100]);
});

test('a rest ends early when there is no reason for it any more', async () => {
  let share = 9;
  const run = paced(
    async () => {
      run.pass(500);
      return true;
    },
    { rounds: 2, restShare: () => (share -= 1) },
  );
  // After 500 ms of work it is looked at every 250 ms: at 2,000 ms the share has fallen to 2, which is over by then.
  expect(await roundsOf(run)).toEqual([0, 2_000]);
});

test('stopping waits for the round under way, and no other follows', async () => {
  let release: () => void = () => undefined;
  const run = paced(() => new Promise((resolve) => (release = () => resolve(true))), { rounds: 1 });
  await run.loop.start();
  await run.finished;
  const stopped = run.loop.stop();
  let over = false;
  void stopped.then(() => (over = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  release();
  await stopped;
  expect(run.began).toHaveLength(1);
});
