import type { Attempt, Outgoing, Target } from './port';
import { type Published, Publisher } from './publisher';

const ITEMS: Outgoing[] = [{ bytes: Buffer.from('{}'), key: 'k' }];
const acknowledged: Attempt = { outcome: 'acknowledged', quarantined: 0 };
const failed = (given: Partial<Extract<Attempt, { outcome: 'failed' }>> = {}): Attempt => ({
  outcome: 'failed',
  canRetry: true,
  mayBeStored: false,
  retryAfterMs: null,
  reason: 'busy',
  ...given,
});

/** Publishes to a target that answers in turn, in a time of its own; tells what was waited for. */
async function publish(answers: readonly Attempt[], options: { retryMsMax?: number; abortAt?: number } = {}) {
  let now = 0;
  const waits: number[] = [];
  const keys: (string | null)[] = [];
  const abort = new AbortController();
  const target: Target = {
    name: 'http',
    batchItemsMax: 10,
    batchBytesMax: 1_000,
    start: async () => undefined,
    stop: async () => undefined,
    send: async (items, requestKey) => {
      expect(items).toBe(ITEMS);
      keys.push(requestKey);
      if (keys.length === options.abortAt) abort.abort();
      return answers[keys.length - 1] ?? answers[answers.length - 1];
    },
  };
  const publisher = new Publisher({
    target,
    retryMsMax: options.retryMsMax ?? 60_000,
    monotonicMs: () => now,
    random: { next: () => 0.5 },
    wait: async (ms, signal) => {
      signal?.throwIfAborted();
      waits.push(ms);
      now += ms;
    },
  });
  const result: Published = await publisher.publish(ITEMS, { requestKey: 'key', signal: abort.signal });
  return { result, waits, keys };
}

it('sends a batch again under its key until it is acknowledged', async () => {
  const { result, keys } = await publish([failed(), failed(), acknowledged]);
  expect(result).toEqual({ outcome: 'acknowledged', attempts: 3, quarantined: 0, maybeTwice: false, reason: null });
  expect(keys).toEqual(['key', 'key', 'key']);
});

it('waits as long as it is asked to, and a little longer', async () => {
  const { waits } = await publish([failed({ retryAfterMs: 2_000 }), acknowledged]);
  expect(waits[0]).toBeGreaterThanOrEqual(2_000);
  expect(waits[0]).toBeLessThanOrEqual(3_000);
});

it('waits longer each time where nothing is asked, and never longer than ten seconds', async () => {
  const { waits } = await publish([failed()], { retryMsMax: 300_000 });
  expect(waits.slice(0, 4)).toEqual([75, 150, 300, 600]);
  expect(Math.max(...waits)).toBeLessThanOrEqual(10_000);
});

it('says that a batch may be there twice when an attempt before may have been stored', async () => {
  const { result } = await publish([failed({ mayBeStored: true }), failed(), acknowledged]);
  expect(result).toMatchObject({ outcome: 'acknowledged', maybeTwice: true });
});

it.each([
  [failed(), 'refused'],
  [failed({ mayBeStored: true }), 'unknown'],
] as const)('gives up in time, and says whether anything may be stored: %j', async (attempt, outcome) => {
  const { result, waits } = await publish([attempt], { retryMsMax: 5_000 });
  expect(result).toMatchObject({ outcome, maybeTwice: false, reason: 'busy' });
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(5_000);
});

it('does not send again what cannot succeed', async () => {
  const { result, keys } = await publish([failed({ canRetry: false, reason: 'no' })]);
  expect(result).toEqual({ outcome: 'refused', attempts: 1, quarantined: null, maybeTwice: false, reason: 'no' });
  expect(keys).toHaveLength(1);
});

it('a final refusal after an attempt that may be stored leaves it unknown', async () => {
  const { result } = await publish([failed({ mayBeStored: true }), failed({ canRetry: false })]);
  expect(result.outcome).toBe('unknown');
});

it('begins no attempt once it is told to stop', async () => {
  const { result, keys } = await publish([failed()], { abortAt: 2 });
  expect([result.outcome, keys.length]).toEqual(['refused', 2]);
});
