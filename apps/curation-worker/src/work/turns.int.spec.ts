import { createMemoryMessaging, type MemoryMessaging } from '@millrace/messaging/memory';
import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { TOPICS, type ShadowJob } from '@millrace/topics';
import { v4 } from 'uuid';
import { systemTimers } from '../machine.client';
import { MIGRATIONS } from '../testing/lake';
import { testLogger, until } from '../testing/worker-under-test';
import { PostgresWork } from './postgres-work';
import { type Step, WorkRunner } from './runner';

let database: TestDatabase;
let messaging: MemoryMessaging;
let work: PostgresWork;
const runners: WorkRunner[] = [];
beforeAll(async () => {
  database = await testDatabase({ migrations: MIGRATIONS });
  messaging = createMemoryMessaging({ leaseMs: 2_000, pollMs: 50 });
  const { name, partitions } = TOPICS.workResults;
  await messaging.ensureTopic(name, { partitions });
  work = new PostgresWork(database.pool);
}, 90_000);
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  await database.pool.query('DELETE FROM curation_worker.work');
});
afterAll(async () => {
  await messaging.close();
  await database.drop();
});

const ask = async (tenant: string, contract: string): Promise<string> => {
  const id = v4();
  const span = { from: '2026-01-01', to: '2026-01-01' };
  const job: ShadowJob = { kind: 'shadow', contract, version: '1.0.0', path: '-', contractsIndex: 1, tenant, ...span };
  await work.request(id, job, 'spec');
  return id;
};
const statusOf = async (id: string): Promise<string> =>
  (await database.pool.query('SELECT status FROM curation_worker.work WHERE id = $1', [id])).rows[0].status;

/** Each job counts its steps and saves each; one is done after as many as its contract's name says. */
function start(slotsMax: number, onStep: (tenant: string, steps: number) => void): { readonly most: () => number } {
  let running = 0;
  let most = 0;
  async function* handler({ contract, tenant }: ShadowJob, state: unknown): AsyncGenerator<Step<number>> {
    most = Math.max(most, ++running);
    try {
      for (let steps = ((state as number | null) ?? 0) + 1; steps <= Number(contract); steps++) {
        await systemTimers.sleep(1, new AbortController().signal);
        onStep(tenant, steps);
        yield { state: steps, progress: null, result: steps };
      }
    } finally {
      running--;
    }
  }
  const runner = new WorkRunner({
    ...{ store: work, messaging, timers: systemTimers, logger: testLogger, leaseMs: 30_000, pollMs: 20, slotsMax },
    ...{ handlers: { shadow: handler as never }, turnMs: 0, monotonicMs: () => performance.now() },
  });
  runner.start();
  runners.push(runner);
  return { most: () => most };
}

test('long jobs of one tenant starve no other, whose job comes later and is done in its turns', async () => {
  const long = [await ask('big', '1000000'), await ask('big', '1000000'), await ask('big', '1000000')];
  const seen: string[] = [];
  start(1, (tenant) => void seen.push(tenant));
  await until(() => seen.length > 3);
  const small = await ask('small', '5');
  await until(async () => (await statusOf(small)) === 'done');
  expect(await Promise.all(long.map(statusOf))).not.toContain('done');
});

test('what a job had saved it does not do again after others had their turn', async () => {
  const steps: Record<string, number[]> = { one: [], two: [] };
  const ids = [await ask('one', '12'), await ask('two', '12')];
  start(1, (tenant, step) => void steps[tenant].push(step));
  for (const id of ids) await until(async () => (await statusOf(id)) === 'done');
  const all = Array.from({ length: 12 }, (_, i) => i + 1);
  expect(steps).toEqual({ one: all, two: all });
});

test('no more jobs are done at once than there are slots', async () => {
  const ids = await Promise.all(['a', 'a', 'b', 'b', 'c'].map((tenant) => ask(tenant, '10')));
  const { most } = start(2, () => undefined);
  for (const id of ids) await until(async () => (await statusOf(id)) === 'done');
  expect(most()).toBe(2);
});
