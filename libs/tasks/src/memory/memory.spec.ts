import { tasksConformance } from '../testing';
import { createMemoryTasks } from './index';

tasksConformance('memory', async ({ origins, concurrency, onDelivered }) => {
  const tasks = createMemoryTasks({ origins, concurrency, onDelivered });
  return { tasks, runner: () => tasks, latenessMs: 300, dispose: async () => undefined };
});

describe('memory tasks in a simulation', () => {
  it('live by the clock they are given, and nothing else', async () => {
    let now = 1_000_000;
    const seen: string[] = [];
    const tasks = createMemoryTasks({
      origins: ['http://sim.test'],
      clock: { now: () => now },
      random: { next: () => 0, bytes: (n) => Buffer.alloc(n) },
      deliver: async ({ name, attempt }) => {
        seen.push(`${name}@${now} #${attempt}`);
        return { ok: attempt === 3, status: 200, detail: '' };
      },
    });
    await tasks.enqueue({ queue: 'q', name: 'a', url: 'http://sim.test/', backoffMs: { min: 1_000, max: 10_000 } });
    expect(await tasks.runDue()).toBe(1);
    expect(await tasks.runDue()).toBe(0);
    now += 1_000;
    expect(await tasks.runDue()).toBe(1);
    now += 1_999;
    expect(await tasks.runDue()).toBe(0);
    now += 1;
    expect(await tasks.runDue()).toBe(1);
    expect(seen).toEqual(['a@1000000 #1', 'a@1001000 #2', 'a@1003000 #3']);
    expect(tasks.size).toBe(0);
  });
});
