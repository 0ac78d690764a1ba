import { Admission } from './admission';
import { LoopDelay } from './loop-delay';
import { PacedRefusals } from './paced-refusals';

let nowMs = 0;
const monotonicMs = (): number => nowMs;
const calm = { loopMs: 0, queueMs: 0 };
beforeEach(() => void (nowMs = 0));

function admission(handledMin: number, handledMax: number): Admission {
  return new Admission({ handledMin, handledMax, delayMsMax: 10, burstMsMax: 100, monotonicMs });
}

/** Requests that arrive, each told by its number whether it was started or refused. */
class Requests {
  readonly started: number[] = [];
  readonly refused: number[] = [];
  private count = 0;

  constructor(private readonly admission: Admission) {}

  arrive(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.count++;
      const start = (): void => {
        this.started.push(n);
        this.admission.begin();
      };
      this.admission.enter(start, () => this.refused.push(n));
    }
  }

  answer(count: number): void {
    for (let i = 0; i < count; i++) this.admission.end();
  }
}

it('no more are handled at once than the limit; a place that becomes free goes to the one that waits longest', () => {
  const subject = admission(4, 4);
  const requests = new Requests(subject);
  requests.arrive(6);
  expect(requests.started).toEqual([0, 1, 2, 3]);
  expect(subject.waiting).toBe(2);
  requests.answer(1);
  expect(requests.started).toEqual([0, 1, 2, 3, 4]);
  requests.answer(5);
  requests.arrive(1);
  expect(requests.started).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(requests.refused).toEqual([]);
});

it('a burst waits for its turn, and is refused when none comes in time', () => {
  const subject = admission(1, 1);
  const requests = new Requests(subject);
  requests.arrive(4);
  nowMs = 90;
  subject.tick();
  requests.answer(1);
  expect(requests.started).toEqual([0, 1]);
  nowMs = 101;
  subject.tick();
  expect(requests.refused).toEqual([2, 3]);
});

it('where some wait all the time, nobody waits for long: accepted requests are not late', () => {
  const subject = admission(1, 1);
  const requests = new Requests(subject);
  requests.arrive(1);
  const waits: number[] = [];
  // One request is answered each millisecond, ten arrive.
  const arrivedMs: number[] = [0];
  for (nowMs = 1; nowMs < 2_000; nowMs++) {
    for (let i = 0; i < 10; i++) arrivedMs.push(nowMs);
    requests.arrive(10);
    const before = requests.started.length;
    requests.answer(1);
    for (const n of requests.started.slice(before)) waits.push(nowMs - arrivedMs[n]);
    if (nowMs % 10 === 0) subject.tick();
  }
  // As many as could be are handled, and once it is known for an overload each of them waited 5 ms at most.
  expect(requests.started.length).toBe(2_000);
  expect(Math.max(...waits.slice(300))).toBeLessThanOrEqual(5);
  expect(subject.waiting).toBeLessThan(200);
  expect(requests.refused.length + requests.started.length + subject.waiting).toBe(arrivedMs.length);
});

it('the limit grows while it is met without delay, shrinks with delay, and stays within its bounds', () => {
  const subject = admission(16, 1_000);
  const requests = new Requests(subject);
  const before = subject.handledMax;
  subject.look(calm);
  expect(subject.handledMax).toBe(before);
  requests.arrive(2_000);
  for (let i = 0; i < 5; i++) {
    subject.look(calm);
    requests.arrive(100);
  }
  expect(subject.handledMax).toBeGreaterThan(before);
  const grown = subject.handledMax;
  requests.arrive(1);
  subject.look({ loopMs: 6, queueMs: 6 });
  expect(subject.handledMax).toBeLessThan(grown);
  for (let i = 0; i < 100; i++) subject.look({ loopMs: 1_000, queueMs: 0 });
  expect(subject.handledMax).toBe(16);
  for (let i = 0; i < 1_000; i++) {
    requests.arrive(1);
    subject.look(calm);
  }
  expect(subject.handledMax).toBe(1_000);
});

it('refusals beyond their rate wait for their turn, oldest first, and never for too long', () => {
  const refusals = new PacedRefusals({ perSecondMin: 10, perHandled: 0.1, waitMsMax: 1_000, monotonicMs });
  const given: number[] = [];
  for (let n = 0; n < 50; n++) refusals.refuse(() => given.push(n));
  // A second's worth at once.
  expect(given).toHaveLength(10);
  nowMs = 100;
  for (let handled = 0; handled < 95; handled++) refusals.onHandled();
  refusals.tick();
  expect(given).toEqual(Array.from({ length: 20 }, (_, n) => n));
  refusals.refuse(() => given.push(50));
  expect(given).toHaveLength(20);
  nowMs = 1_050;
  refusals.tick();
  expect(given).toEqual(Array.from({ length: 50 }, (_, n) => n));
  refusals.flush();
  expect(given).toHaveLength(51);
});

it('a late timer counts as delay only as far as this process was at work', () => {
  const delay = new LoopDelay(10);
  delay.tick(0, 0);
  delay.tick(31, 30);
  expect(delay.take()).toBe(20);
  delay.tick(91, 32);
  expect(delay.take()).toBe(2);
  expect(delay.take()).toBe(0);
});
