import fc from 'fast-check';
import type { Delivered } from '../delivery';
import type { Task, TaskRunner, Tasks } from '../port';
import { refusalConformance, refuses } from './refusal-conformance';
import { eventually, pause, Target } from './target';
import type { TasksUnderTest, UnderTestOptions } from './under-test';

export type { TasksUnderTest, UnderTestOptions } from './under-test';

/** What every engine of the tasks port must pass. `make` gives an engine with nothing stored. */
export function tasksConformance(name: string, make: (options: UnderTestOptions) => Promise<TasksUnderTest>): void {
  describe(`tasks conformance: ${name}`, () => {
    let target: Target;
    let under: TasksUnderTest;
    let tasks: Tasks;
    let runner: TaskRunner;
    let outcomes: Delivered[];
    const task = (path: string, more: Partial<Task> = {}): Task => ({
      queue: 'wide',
      url: target.origin + path,
      backoffMs: { min: 20, max: 60 },
      ...more,
    });

    beforeEach(async () => {
      target = await Target.listen();
      outcomes = [];
      const concurrency = { wide: 10, narrow: 2 };
      under = await make({
        origins: [target.origin],
        concurrency,
        drainMsMax: 200,
        onDelivered: (delivered) => outcomes.push(delivered),
      });
      tasks = under.tasks;
      runner = under.runner();
      await runner.start();
    });
    afterEach(async () => {
      target.releaseAll();
      await runner.stop();
      await tasks.close();
      await under.dispose();
      await target.close();
    });

    it('delivers a call: POST, JSON, the task’s headers and its own', async () => {
      const body = { id: 1, text: 'Zürich', nothing: null };
      expect(await tasks.enqueue(task('/work?x=1', { name: 'first', body, headers: { 'X-Tenant': 'acme' } }))).toBe(
        'enqueued',
      );
      await eventually(() => target.calls.length === 1, 'the call');
      const [call] = target.calls;
      expect(call).toMatchObject({ method: 'POST', url: '/work?x=1' });
      expect(JSON.parse(call.body)).toEqual(body);
      expect(call.headers).toMatchObject({
        'content-type': 'application/json',
        'x-tenant': 'acme',
        'x-task-queue': 'wide',
        'x-task-name': 'first',
        'x-task-attempt': '1',
      });
      await eventually(() => outcomes.length === 1, 'the outcome');
      expect(outcomes[0]).toMatchObject({
        queue: 'wide',
        name: 'first',
        attempt: 1,
        outcome: 'delivered',
        status: 200,
      });
    });

    it('delivers a call without a body', async () => {
      await tasks.enqueue(task('/bare'));
      await eventually(() => target.calls.length === 1, 'the call');
      expect(target.calls[0].body).toBe('');
      expect(target.calls[0].headers['content-type']).toBeUndefined();
      expect(target.calls[0].headers['x-task-name']).toMatch(/./);
    });

    it('accepts a name once while it is queued, running or waiting to be tried again, and again after', async () => {
      const again = async (): Promise<string> =>
        tasks.enqueue(task('/named', { name: 'n', attemptsMax: 2, scheduleAt: soon }));
      const soon = new Date(Date.now() + 150);
      target.answer = (_call, nth) => (nth === 1 ? 500 : nth === 2 ? 'hang' : 200);
      expect(await again()).toBe('enqueued');
      expect(await again()).toBe('exists');
      await eventually(() => outcomes.length === 1, 'the first attempt failing');
      expect(await again()).toBe('exists');
      await eventually(() => target.calls.length === 2, 'the second attempt');
      expect(await again()).toBe('exists');
      target.releaseAll();
      await eventually(() => outcomes.length === 2, 'the second attempt succeeding');
      await eventuallyFree(again);
      await eventually(() => target.calls.length === 3, 'the new task’s attempt');
    });

    it('frees the name of a task that failed for good', async () => {
      target.answer = () => 500;
      const again = (): Promise<string> => tasks.enqueue(task('/hopeless', { name: 'hopeless', attemptsMax: 1 }));
      await again();
      await eventually(() => outcomes.some(({ outcome }) => outcome === 'failed'), 'the failure');
      await eventuallyFree(again);
    });

    /** An engine tells of an outcome just before it stores it. */
    async function eventuallyFree(enqueue: () => Promise<string>): Promise<void> {
      let answer = await enqueue();
      for (let i = 0; answer === 'exists' && i < 1_500; i++) {
        await pause(10);
        answer = await enqueue();
      }
      expect(answer).toBe('enqueued');
    }

    it('a name is its queue’s own; of many that enqueue it at once one succeeds', async () => {
      const scheduleAt = new Date(Date.now() + 60_000);
      expect(await tasks.enqueue(task('/a', { name: 'same', scheduleAt }))).toBe('enqueued');
      expect(await tasks.enqueue(task('/b', { name: 'same', queue: 'narrow', scheduleAt }))).toBe('enqueued');
      target.answer = () => 'hang';
      const answers = await Promise.all(Array.from({ length: 20 }, () => tasks.enqueue(task('/c', { name: 'raced' }))));
      expect(answers.filter((answer) => answer === 'enqueued')).toHaveLength(1);
      const long = { name: 'n'.repeat(500), queue: 'q'.repeat(100), scheduleAt };
      expect(await tasks.enqueue(task('/d', long))).toBe('enqueued');
      expect(await tasks.enqueue(task('/d', long))).toBe('exists');
      expect(await tasks.enqueue(task('/d', { ...long, name: `${'n'.repeat(499)}m` }))).toBe('enqueued');
      await eventually(() => target.of('/c').length >= 1, 'the call');
      await pause(50);
      expect(target.of('/c')).toHaveLength(1);
    });

    it('waits for the time of a task, and holds up no other meanwhile', async () => {
      const began = performance.now();
      await tasks.enqueue(task('/later', { scheduleAt: new Date(Date.now() + 300) }));
      await tasks.enqueue(task('/past', { scheduleAt: new Date(Date.now() - 60_000) }));
      await eventually(() => target.of('/later').length === 1, 'the call');
      const waited = target.of('/later')[0].at - began;
      expect(waited).toBeGreaterThanOrEqual(295);
      await eventually(() => target.of('/past').length === 1, 'the other call');
    });

    it('tries again until it succeeds, with growing waits between min and max', async () => {
      target.answer = (_call, nth) => (nth < 5 ? 503 : 204);
      await tasks.enqueue(task('/flaky', { backoffMs: { min: 50, max: 250 } }));
      await eventually(() => target.calls.length === 5, 'five attempts');
      const attempts = target.calls.map(({ headers }) => headers['x-task-attempt']);
      expect(attempts).toEqual(['1', '2', '3', '4', '5']);
      const waits = target.calls.slice(1).map(({ at }, i) => at - target.calls[i].at);
      for (const wait of waits) expect(wait).toBeGreaterThanOrEqual(49);
      // From the third on half of `max` is the least: 50 · 2³ > 250.
      expect(Math.min(...waits.slice(2))).toBeGreaterThanOrEqual(124);
    });

    it('gives up after attemptsMax', async () => {
      target.answer = () => 500;
      await tasks.enqueue(task('/never', { attemptsMax: 3 }));
      await eventually(() => outcomes.length === 3, 'three attempts');
      await pause(100 + under.latenessMs);
      expect(target.calls).toHaveLength(3);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['retry', 'retry', 'failed']);
    });

    it.each([302, 307, 400, 404, 429])('takes %d for a failure and follows no redirect', async (status) => {
      target.answer = (_call, nth) => (nth === 1 ? status : 200);
      await tasks.enqueue(task('/odd'));
      await eventually(() => target.of('/odd').length === 2, 'the second attempt');
      expect(target.of('/redirected')).toEqual([]);
      expect(outcomes[0]).toMatchObject({ outcome: 'retry', status });
    });

    it('abandons an attempt that takes too long, and one whose target is away', async () => {
      target.answer = (_call, nth) => (nth === 1 ? 'hang' : 200);
      await tasks.enqueue(task('/slow', { timeoutMs: 100 }));
      await eventually(() => target.calls.length === 2, 'the second attempt');
      expect(outcomes[0]).toMatchObject({ outcome: 'retry', status: 0, detail: 'no answer within 100 ms' });
      expect(target.calls[1].at - target.calls[0].at).toBeGreaterThanOrEqual(95);
      await target.close();
      await tasks.enqueue(task('/away', { attemptsMax: 1 }));
      await eventually(() => outcomes.at(-1)?.outcome === 'failed', 'the failure');
      expect(outcomes.at(-1)).toMatchObject({ status: 0, detail: expect.stringMatching(/ECONN/) });
      target = await Target.listen();
    });

    it('keeps to a queue’s concurrency, and no queue holds up another', async () => {
      target.answer = () => 'hang';
      for (let i = 0; i < 6; i++) await tasks.enqueue(task('/narrow', { queue: 'narrow' }));
      await eventually(() => target.calls.length === 2, 'two calls');
      await pause(100);
      expect(target.calls).toHaveLength(2);
      target.answer = () => 200;
      await tasks.enqueue(task('/wide'));
      await eventually(() => target.of('/wide').length === 1, 'the other queue’s call');
      target.releaseAll();
      await eventually(() => target.of('/narrow').length === 6, 'all six');
      expect(target.concurrencyMax).toBeLessThanOrEqual(3);
    });

    it('an attempt that stopping cut off does not count, and is made again', async () => {
      target.answer = (_call, nth) => (nth === 1 ? 'hang' : 200);
      await tasks.enqueue(task('/cut', { name: 'cut', attemptsMax: 1 }));
      await eventually(() => target.calls.length === 1, 'the first attempt');
      await runner.stop();
      expect(outcomes).toEqual([]);
      expect(await tasks.enqueue(task('/cut', { name: 'cut' }))).toBe('exists');
      runner = under.runner();
      await runner.start();
      await eventually(() => outcomes.length === 1, 'the outcome');
      expect(target.calls[1].headers['x-task-attempt']).toBe('1');
      expect(outcomes[0]).toMatchObject({ outcome: 'delivered', attempt: 1 });
    });

    it('delivers nothing while no runner runs', async () => {
      await runner.stop();
      await tasks.enqueue(task('/stored'));
      await pause(50);
      expect(target.calls).toEqual([]);
      runner = under.runner();
      await runner.start();
      await eventually(() => target.calls.length === 1, 'the call');
    });

    it('delivers every task until 2xx or attemptsMax, whatever the targets do', async () => {
      const plan = fc.record({ failures: fc.integer({ min: 0, max: 4 }), attemptsMax: fc.integer({ min: 1, max: 4 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), fc.uuid(), async (plans, run) => {
          target.answer = ({ url }, nth) => (nth <= plans[Number(url.split('/')[2])].failures ? 500 : 200);
          const path = (i: number): string => `/${run}/${i}`;
          const expected = plans.map(({ failures, attemptsMax }) => Math.min(failures + 1, attemptsMax));
          await Promise.all(
            plans.map(({ attemptsMax }, i) =>
              tasks.enqueue(task(path(i), { attemptsMax, backoffMs: { min: 1, max: 5 } })),
            ),
          );
          await eventually(() => plans.every((_plan, i) => target.of(path(i)).length >= expected[i]), 'all attempts');
          await pause(10);
          expect(plans.map((_plan, i) => target.of(path(i)).length)).toEqual(expected);
        }),
        { numRuns: 5 },
      );
    });

    it('accepts nothing once it is closed', async () => {
      await tasks.close();
      await refuses(tasks.enqueue(task('/late')), 'TASKS_CLOSED');
    });
  });

  refusalConformance(name, make);
}
