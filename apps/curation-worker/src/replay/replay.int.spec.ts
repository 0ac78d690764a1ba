import { openDuck } from '@millrace/lakehouse';
import { shipmentEvent } from '../testing/landing-bench';
import { appendItems, booksOf, landedBatches, rawLines, stagedRows } from '../testing/lake';
import { type Json, type RunningService, runningService } from '../testing/running-service';
import { caughtUp, until } from '../testing/worker-under-test';

let service: RunningService;
beforeAll(async () => (service = await runningService({ RECIPE_SELF_REVIEW: 'true' })));
afterAll(() => service.stop());

const send = async (...items: Buffer[]): Promise<void> => {
  await appendItems(service.messaging, items);
  await until(() => caughtUp(service.messaging));
};
const groupOf = async (path: string): Promise<Json> => {
  const { body } = await service.call('GET', '/v1/quarantine/groups');
  return body.rows.find((row: { path: string }) => row.path === path);
};
const finished = async (id: string): Promise<Json> => {
  let job: Json;
  await until(async () => (job = (await service.call('GET', `/v1/quarantine/jobs/${id}`)).body).state !== 'running');
  return job;
};
const books = async () => booksOf(await landedBatches(service.database.pool));

test('events are mended by a reviewed recipe and land as themselves, once; the books stay balanced', async () => {
  await send(
    ...Array.from({ length: 8 }, (_, i) =>
      shipmentEvent(`lost-${i}`, { status: 'lost' }, i < 3 ? { source: 'dock 4' } : {}),
    ),
    // The same event once more: it is quarantined as well, for nothing of it has landed.
    shipmentEvent('lost-0', { status: 'lost' }, { source: 'dock 4' }),
    shipmentEvent('fine'),
  );
  expect(await books()).toEqual({ landed: 1, duplicate: 0, quarantined: 9 });
  const group = await groupOf('$.payload.status');
  expect(group).toMatchObject({ count: 9, total: 9, reason: 'unknown_value' });
  // Who sent them, as they say themselves.
  expect(group.sources).toEqual([
    { source: 'test', count: 5 },
    { source: 'dock 4', count: 4 },
  ]);
  expect(group.samples).toHaveLength(3);

  const asIs = await service.call('POST', '/v1/quarantine/plan', { group: group.group });
  expect(asIs).toMatchObject({ status: 200, body: { selected: 9, examined: 9, sampled: false, wouldFail: 9 } });
  expect(asIs.body.failures).toMatchObject([{ reason: 'unknown_value', path: '$.payload.status', count: 9 }]);

  const recipe = { name: 'found-again' };
  const patch = [{ op: 'replace', path: '/payload/status', value: 'delivered' }];
  const put = await service.call('PUT', '/v1/quarantine/recipes/found-again', { patch, group: group.group });
  expect(put).toMatchObject({ status: 200, body: { version: 1, status: 'draft', author: 'local', patch } });
  const plan = await service.call('POST', '/v1/quarantine/plan', { group: group.group, recipe });
  expect(plan.body).toMatchObject({
    ...{ wouldPass: 8, duplicates: 1, wouldFail: 0 },
    martPartitions: { 'mart.shipments_daily': ['2013-02-01'] },
  });
  expect((await service.call('POST', '/v1/quarantine/replay', { group: group.group, recipe })).status).toBe(409);
  expect((await service.call('PUT', '/v1/quarantine/recipes/found-again', { approve: 1 })).body.status).toBe(
    'reviewed',
  );
  const { status, body: started } = await service.call('POST', '/v1/quarantine/replay', { group: group.group, recipe });
  expect([status, started.selected]).toEqual([202, 9]);
  const job = await finished(started.id);
  expect(job).toMatchObject({ state: 'done', landed: 8, duplicate: 1, failed: 0, remaining: 0 });

  expect(await books()).toEqual({ landed: 9, duplicate: 1, quarantined: 0 });
  expect(await groupOf('$.payload.status')).toBeUndefined();
  const batches = await landedBatches(service.database.pool);
  const duck = await openDuck({ memoryLimitMb: 128, threads: 1 });
  const rows = await stagedRows(duck, service.storage, batches, 'clean.events').finally(() => duck.close());
  const healed = rows.filter((row) => String(row['event_id']).startsWith('lost-'));
  expect(healed.map((row) => row['event_id']).sort()).toEqual(Array.from({ length: 8 }, (_, i) => `lost-${i}`));
  // Both versions are in the raw zone, the mended one naming the other.
  const lines = await rawLines(service.storage, batches, service.opener);
  const at = (part: unknown, line: unknown) =>
    lines.find((one) => one.path === part && one.line === Number(line))?.text ?? '';
  for (const row of healed) {
    const mended = JSON.parse(at(row['_raw_part'], row['_raw_line']));
    expect(mended.body.payload.status).toBe('delivered');
    expect(mended.mends.recipe).toBe('found-again@1');
    const original = JSON.parse(at(mended.mends.part, mended.mends.line));
    expect(original.body).toMatchObject({ event_id: row['event_id'], payload: { status: 'lost' } });
  }
  // Both that it began and what came of it.
  await until(
    async () => [...(await service.messaging.ends('audit')).values()].reduce((sum, end) => sum + end, 0) === 2,
  );
});

test('an event that is replayed as it came keeps its raw line, and one that fails again stays for its new cause', async () => {
  await send(
    shipmentEvent('twice-broken', { status: 'mislaid', carrier_code: undefined }),
    shipmentEvent('kept', { status: 'mislaid' }),
  );
  const { body: items } = await service.call('GET', '/v1/quarantine');
  const ids = items.rows.map(({ id }: { id: string }) => id);
  const recipe = { name: 'status-only' };
  const expression = `$merge([$, {"payload": $merge([payload, {"status": "delivered"}])}])`;
  await service.call('PUT', '/v1/quarantine/recipes/status-only', { expression });
  await service.call('PUT', '/v1/quarantine/recipes/status-only', { approve: 1 });
  const { body: started } = await service.call('POST', '/v1/quarantine/replay', { ids, recipe });
  const job = await finished(started.id);
  expect(job).toMatchObject({ landed: 1, failed: 1, failures: [{ count: 1 }] });
  const { body: left } = await service.call('GET', '/v1/quarantine');
  expect(left.rows).toMatchObject([{ eventId: 'twice-broken', path: '$.payload.carrier_code', replays: 1 }]);
  expect(await books()).toEqual({ landed: 10, duplicate: 1, quarantined: 1 });
  const again = await service.call('POST', '/v1/quarantine/replay', { filter: { source: 'test' } });
  expect(await finished(again.body.id)).toMatchObject({ landed: 0, failed: 1 });
  const { body: same } = await service.call('GET', '/v1/quarantine');
  expect(same.rows[0]).toMatchObject({ replays: 2, mended: null });
  const batches = await landedBatches(service.database.pool);
  expect(batches.at(-1)?.files.filter(({ kind }) => kind === 'raw')).toEqual([]);
});

test.each([
  ['(function($n) { $n() })(1)', 'throws', /recipe bad@\d+: /],
  ['($f := function($x) { $f($x + 1) }; $f(1))', 'loops', /took longer|stack|too long/i],
  ['($f := function($s) { $f($s & $s) }; $f("grows"))', 'grows', /needed more|took longer|ended|string length|memory/i],
])('a recipe that %s is stopped, said of each event, and leaves it open', async (expression, _what, said) => {
  const put = await service.call('PUT', '/v1/quarantine/recipes/bad', { expression });
  expect(put.status).toBe(200);
  const { body: plan } = await service.call('POST', '/v1/quarantine/plan', {
    filter: { source: 'test' },
    recipe: { name: 'bad' },
  });
  expect(plan).toMatchObject({ wouldPass: 0, wouldFail: 1, failures: [{ reason: 'recipe_failed' }] });
  expect(plan.failures[0].rule).toMatch(said);
  await service.call('PUT', '/v1/quarantine/recipes/bad', { approve: put.body.version });
  const { body: started } = await service.call('POST', '/v1/quarantine/replay', {
    filter: { source: 'test' },
    recipe: { name: 'bad', version: put.body.version },
  });
  expect(await finished(started.id)).toMatchObject({ landed: 0, failed: 1 });
  const { body: left } = await service.call('GET', '/v1/quarantine');
  expect(left.rows[0].lastFailure).toMatch(said);
  expect(await books()).toMatchObject({ quarantined: 1 });
});

test.each([
  ['POST', '/v1/quarantine/plan', {}, 400],
  ['POST', '/v1/quarantine/replay', { filter: {} }, 400],
  ['POST', '/v1/quarantine/replay', { group: null, ids: null, filter: { reason: null } }, 400],
  ['POST', '/v1/quarantine/replay', { group: 'x' }, 400],
  ['POST', '/v1/quarantine/replay', { ids: ['1'], ratePerSecond: 0 }, 400],
  ['POST', '/v1/quarantine/replay', { ids: ['1'], recipe: { name: 'nobody' } }, 404],
  ['GET', '/v1/quarantine/jobs/nothing', undefined, 404],
  ['DELETE', '/v1/quarantine/jobs/00000000-0000-4000-8000-000000000000', undefined, 404],
  ['PUT', '/v1/quarantine/recipes/bad', { expression: '(((' }, 400],
  ['PUT', '/v1/quarantine/recipes/bad', { patch: [{ op: 'jump', path: '/a' }] }, 400],
  ['PUT', '/v1/quarantine/recipes/bad', { patch: [], expression: '1' }, 400],
  ['PUT', '/v1/quarantine/recipes/bad', { expression: null }, 400],
  ['GET', '/v1/quarantine/recipes/nothing', undefined, 404],
])('%s %s %j is refused with %i', async (method, route, body, status) => {
  expect((await service.call(method, route, body)).status).toBe(status);
});
