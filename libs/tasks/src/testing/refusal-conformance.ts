import type { Task, TasksErrorCode } from '../port';
import type { TasksUnderTest, UnderTestOptions } from './under-test';

/** What no engine takes: tasks that are wrong, and those that would reach or say more than they may. */
export function refusalConformance(name: string, make: (options: UnderTestOptions) => Promise<TasksUnderTest>): void {
  describe(`tasks conformance: ${name}: what is refused`, () => {
    let under: TasksUnderTest;
    const origin = 'http://127.0.0.1:8084';
    beforeAll(async () => {
      under = await make({ origins: [origin], concurrency: {}, drainMsMax: 200, onDelivered: () => undefined });
    });
    afterAll(async () => {
      await under.tasks.close();
      await under.dispose();
    });

    it.each<[string, (t: Task) => unknown]>([
      ['another origin', (t) => ({ ...t, url: 'http://169.254.169.254/latest/meta-data' })],
      ['another port', (t) => ({ ...t, url: 'http://127.0.0.1:1/x' })],
      ['an origin that only looks alike', (t) => ({ ...t, url: t.url.replace('127.0.0.1', '127.0.0.1.evil.test') })],
      ['credentials', (t) => ({ ...t, url: t.url.replace('//', '//user:secret@') })],
      ['a file', (t) => ({ ...t, url: 'file:///etc/passwd' })],
      ['no URL', (t) => ({ ...t, url: '/relative' })],
      ['a long URL', (t) => ({ ...t, url: t.url + 'x'.repeat(3_000) })],
      ['a second header in a value', (t) => ({ ...t, headers: { 'x-a': 'b\r\nx-evil: 1' } })],
      ['a second header in a name', (t) => ({ ...t, headers: { 'x-a: b\r\nx-evil': '1' } })],
      ['NUL in a header', (t) => ({ ...t, headers: { 'x-a': 'a\0b' } })],
      ['letters outside Latin-1 in a header', (t) => ({ ...t, headers: { 'x-a': '日本' } })],
      ['a header that is no string', (t) => ({ ...t, headers: { 'x-a': 1 } })],
      ['a header of the connection', (t) => ({ ...t, headers: { 'Transfer-Encoding': 'chunked' } })],
      ['a header of the runner', (t) => ({ ...t, headers: { 'X-Task-Attempt': '9' } })],
      ['a header of Cloud Tasks', (t) => ({ ...t, headers: { 'X-CloudTasks-QueueName': 'q' } })],
      ['a header twice', (t) => ({ ...t, headers: { 'x-a': '1', 'X-A': '2' } })],
      [
        'many headers',
        (t) => ({ ...t, headers: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`x-${i}`, ''])) }),
      ],
      ['long headers', (t) => ({ ...t, headers: { 'x-a': 'a'.repeat(17_000) } })],
      ['a body that is no JSON', (t) => ({ ...t, body: 1n })],
      ['a body that is a function', (t) => ({ ...t, body: () => 1 })],
      ['a long body', (t) => ({ ...t, body: 'x'.repeat(1_000_000) })],
      ['no queue', (t) => ({ ...t, queue: '' })],
      ['a queue with a slash', (t) => ({ ...t, queue: 'a/b' })],
      ['an empty name', (t) => ({ ...t, name: '' })],
      ['a name with a slash', (t) => ({ ...t, name: '../x' })],
      ['a long name', (t) => ({ ...t, name: 'x'.repeat(501) })],
      ['no attempts', (t) => ({ ...t, attemptsMax: 0 })],
      ['half an attempt', (t) => ({ ...t, attemptsMax: 1.5 })],
      ['a backoff upside down', (t) => ({ ...t, backoffMs: { min: 10, max: 5 } })],
      ['a backoff without wait', (t) => ({ ...t, backoffMs: { min: 0, max: 5 } })],
      ['no timeout', (t) => ({ ...t, timeoutMs: Infinity })],
      ['a time far ahead', (t) => ({ ...t, scheduleAt: new Date(Date.now() + 31 * 86_400_000) })],
      ['a time that is none', (t) => ({ ...t, scheduleAt: new Date('x') })],
    ])('refuses %s', async (_what, spoil) => {
      await refuses(under.tasks.enqueue(spoil({ queue: 'wide', url: `${origin}/x` }) as Task), 'TASKS_BAD_TASK');
    });
  });
}

export const refuses = (promise: Promise<unknown>, code: TasksErrorCode): Promise<void> =>
  expect(promise).rejects.toMatchObject({ name: 'TasksError', code, canRetry: false });
