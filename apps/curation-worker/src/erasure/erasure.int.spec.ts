import { loadContract, readCatalogDir } from '@millrace/contracts';
import { type AuditRecord, type ErasureRequested, type ErasureResult, GROUPS, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { appendItems, landedBatches, publishContracts } from '../testing/lake';
import { type Json, type RunningService, runningService } from '../testing/running-service';
import { caughtUp, until } from '../testing/worker-under-test';
import { linesUnder, rawParts } from './raw-search';

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: 11111111-1111-4111-8111-111111111111
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - { name: customer, logicalType: string, required: true, classification: personal }
      - { name: email, logicalType: string, classification: pii }
      - { name: amount, logicalType: integer, logicalTypeOptions: { minimum: 0 } }
customProperties:
  - { property: eventTypes, value: [order] }
  - property: privacy
    value: { subject: $.payload.customer, kind: customer }
`;
/** Between any two durable steps something fails once; each is made good. */
const FAILPOINTS = ['erasure-drained', 'erasure-destroyed', 'erasure-searched']
  .map((place) => `curation-worker/${place}=error`)
  .join(',');

let service: RunningService;
beforeAll(async () => {
  service = await runningService({ MILLRACE_FAILPOINTS: FAILPOINTS, CONTRACTS_EVERY: '200ms' });
  const orders = { file: 'orders.odcs.yaml', yaml: CONTRACT, contract: loadContract(CONTRACT) };
  await publishContracts(service.storage, 2, [...readCatalogDir(), orders]);
  // A second worker: whichever lands what, it must not be under a key of before.
  await service.again({ CONTRACTS_EVERY: '200ms' });
  await until(async () => {
    const { rows } = await service.database.pool.query('SELECT contracts_index FROM curation_worker.line');
    return Number(rows[0].contracts_index) === 2;
  });
}, 60_000);
afterAll(() => service.stop());

const order = (id: string, customer: string, payload: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      ...{ event_id: id, event_type: 'order', event_time: '2026-11-21T10:00:00Z' },
      payload: { customer, email: `${customer}@example.org`, amount: 3, ...payload },
    }),
  );
const send = async (...items: Buffer[]): Promise<void> => {
  await appendItems(service.messaging, items, { appendItems: 1 });
  await until(() => caughtUp(service.messaging));
};
const subject = (value: string) => ({ subject: { kind: 'customer', value } });
const ended = async (id: string): Promise<Json> => {
  let found: Json;
  await until(async () => {
    found = (await service.call('GET', `/v1/erasure/${id}`)).body;
    return ['done', 'failed', 'cancelled'].includes(found.status);
  }, 90_000);
  return found;
};
const waits = (id: string): Promise<void> =>
  until(async () => (await service.call('GET', `/v1/erasure/${id}`)).body.waitingFor !== null);
const place = ({ report }: Json, name: string): Json =>
  report.searched.find((each: { place: string }) => each.place === name);

async function linesOf(key: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { path } of rawParts(service.storage, null))
    lines.push(...(await linesUnder(service.storage, path, [key])));
  return lines;
}

/** Everything that was said on a topic so far. */
async function records<T>(topic: string): Promise<T[]> {
  const found: T[] = [];
  const [end = 0] = (await service.messaging.ends(topic)).values();
  const reader = await service.messaging.subscribe({ topic, group: `spec-${v4()}` });
  while (found.length < end) {
    const delivery = await reader.next();
    if (!delivery) break;
    for (const { value } of delivery.batches.flatMap((batch) => batch.records))
      found.push(JSON.parse(value.toString('utf8')) as T);
    await delivery.ack();
  }
  await reader.close();
  return found;
}

test('a subject is erased: its key is gone everywhere, the report is of what was tried, and it may come back as another', async () => {
  await send(
    ...Array.from({ length: 12 }, (_, i) => order(`a${i}`, 'anna')),
    order('bad', 'anna', { amount: -1 }),
    ...Array.from({ length: 3 }, (_, i) => order(`b${i}`, 'bert')),
  );
  const { body: plan } = await service.call('POST', '/v1/erasure/plan', { ...subject('anna'), rows: 'keep' });
  expect(plan).toMatchObject({ kind: 'customer', rows: 'keep', isKnownKind: true, quarantined: 1, waiting: 0 });
  expect(plan).toMatchObject({ raw: { lines: 13 }, isComplete: true, keys: [expect.stringMatching(/^s[0-9a-z]+$/)] });
  expect(plan.raw.bytesSearched).toBe(plan.raw.bytesTotal);
  expect(plan.kept.length).toBeGreaterThan(3);
  const [key] = plan.keys;
  const before = await linesOf(key);
  expect(before).toHaveLength(13);
  expect((await service.opener.lines(before)).every((line) => typeof line === 'string')).toBe(true);

  const run = await service.call('POST', '/v1/erasure/run', { ...subject('anna'), rows: 'keep' });
  expect(run).toMatchObject({ status: 202, body: { kind: 'customer', rows: 'keep', status: 'draining' } });
  const done = await ended(run.body.id);
  expect(done).toMatchObject({ status: 'done', keys: [key], waitingFor: null, report: { readable: 0 } });
  expect(place(done, 'raw')).toMatchObject({ found: 13, readable: 0 });
  expect(place(done, 'quarantine')).toMatchObject({ found: 1, readable: 0 });
  expect(place(done, 'staged files').found).toBeGreaterThan(0);
  expect(done.report.notSearched.map((each: { place: string }) => each.place)).toContain('topics');
  expect(done.report.keys).toMatchObject({ destroyed: [key], keysEpoch: done.keysEpoch });
  const { rows: line } = await service.database.pool.query('SELECT keys_epoch FROM curation_worker.line');
  // Once, whatever failed on the way.
  expect([Number(line[0].keys_epoch), done.keysEpoch]).toEqual([1, 1]);

  expect(await service.opener.lines(before)).toEqual(before.map(() => ({ why: 'erased' })));
  const bert = (await service.call('POST', '/v1/erasure/plan', subject('bert'))).body.keys[0];
  const others = await service.opener.lines(await linesOf(bert));
  expect(others.map((text) => JSON.parse(text as string).body.payload.customer)).toEqual(['bert', 'bert', 'bert']);

  // Both workers land what comes now under a new key.
  await send(...Array.from({ length: 12 }, (_, i) => order(`c${i}`, 'anna')));
  const { body: later } = await service.call('POST', '/v1/erasure/plan', subject('anna'));
  expect(later).toMatchObject({ raw: { lines: 12 }, rows: 'delete' });
  expect(later.keys[0]).not.toBe(key);
  expect(await linesOf(key)).toHaveLength(13);
});

test('what is in quarantine or waits says that it was erased, and no replay tries it again and again', async () => {
  await send(order('q1', 'carla', { amount: -1 }), order('q2', 'dora', { amount: -2 }));
  const { rows } = await service.database.pool.query(
    `INSERT INTO curation_worker.waiting (tenant, source, event_id, event_type, accepted_at, topic, partition, "offset",
            batch_id, raw_part, raw_line, headers, ingestion_id, raw, sealed_by, last_error, next_at)
     SELECT tenant, source, 'w1', event_type, accepted_at, topic, partition, "offset", batch_id, raw_part, raw_line, headers,
            ingestion_id, raw, sealed_by, 'for this test', clock_timestamp() + interval '1 hour'
       FROM curation_worker.quarantine WHERE event_id = 'q1' RETURNING id, sealed_by`,
  );
  const { body: run } = await service.call('POST', '/v1/erasure/run', { ...subject('carla'), rows: 'keep' });
  const done = await ended(run.id);
  expect(done).toMatchObject({ status: 'done', keys: [rows[0].sealed_by] });
  expect(place(done, 'waiting')).toMatchObject({ found: 1, readable: 0 });

  const { body: groups } = await service.call('GET', '/v1/quarantine/groups');
  const { body: items } = await service.call('GET', `/v1/quarantine?group=${groups.rows[0].group}&limit=200`);
  const erased = (id: string): boolean => items.rows.find((row: Json) => row.eventId === id).erased;
  expect([erased('q1'), erased('q2')]).toEqual([true, false]);

  const filter = { filter: { eventType: 'order' } };
  const { body: started } = await service.call('POST', '/v1/quarantine/replay', filter);
  let job: Json;
  await until(
    async () => (job = (await service.call('GET', `/v1/quarantine/jobs/${started.id}`)).body).state === 'done',
  );
  expect(job.failures).toContainEqual(
    expect.objectContaining({ cause: 'the key of its subject was destroyed by an erasure', group: null }),
  );

  await service.database.pool.query(`UPDATE curation_worker.waiting SET next_at = clock_timestamp() WHERE id = $1`, [
    rows[0].id,
  ]);
  let dead: Json[] = [];
  await until(async () => {
    const found = await service.database.pool.query(
      `SELECT reason, rule, sealed_by FROM curation_worker.quarantine WHERE event_id = 'w1'`,
    );
    return (dead = found.rows).length === 1;
  });
  expect(dead).toEqual([
    { reason: 'dead_letter', rule: expect.stringContaining('destroyed by an erasure'), sealed_by: rows[0].sealed_by },
  ]);
});

test('rows are deleted by whoever owns the tables, before anything is said to be done', async () => {
  await send(order('d1', 'emil'));
  const { body: run } = await service.call('POST', '/v1/erasure/run', subject('emil'));
  let request: ErasureRequested | undefined;
  await until(async () => {
    request = (await records<ErasureRequested>(TOPICS.erasureRequested.name)).find(({ id }) => id === run.id);
    return request !== undefined;
  });
  const [staged] = (await landedBatches(service.database.pool)).slice(-1);
  expect(request).toMatchObject({ keys: [expect.any(String)], number: staged.number });
  await until(async () => (await service.call('GET', `/v1/erasure/${run.id}`)).body.waitingFor !== null);
  expect((await service.call('GET', `/v1/erasure/${run.id}`)).body).toMatchObject({ status: 'deleting', report: null });
  expect((await service.call('DELETE', `/v1/erasure/${run.id}`)).status).toBe(409);

  const deleted = { rows: { 'clean.events': 1 }, martPartitions: {}, files: 1, bytes: 100 };
  const tell = async (result: Partial<ErasureResult>): Promise<void> => {
    const value = { id: run.id, deleted, waitingFor: null, at: new Date().toISOString(), ...result };
    const records = [{ key: null, headers: {}, value: Buffer.from(JSON.stringify(value)) }];
    await service.messaging.append(TOPICS.erasureResults.name, { header: { appendId: v4() }, records });
  };
  await tell({ revision: 2, status: 'running', waitingFor: 'batches to be committed' });
  await until(
    async () => (await service.call('GET', `/v1/erasure/${run.id}`)).body.waitingFor === 'batches to be committed',
  );
  // What was overtaken changes nothing.
  await tell({ revision: 1, status: 'done' });
  await tell({ revision: 3, status: 'done' });
  const done = await ended(run.id);
  expect(done).toMatchObject({ status: 'done', deleted, report: { readable: 0, deleted } });
  // Its staged files are gone with it.
  expect(done.report.stagedFiles).toBeGreaterThan(0);
  expect(place(done, 'staged files')).toMatchObject({ found: 0, readable: 0 });
});

test('it waits for what was in the log at the request, can be cancelled until then, and runs once a subject', async () => {
  await send(order('f1', 'fritz'));
  const blocker = await service.database.pool.connect();
  let last: Json;
  try {
    await blocker.query('BEGIN');
    // No landing gets past it.
    await blocker.query('SELECT FROM curation_worker.line FOR UPDATE');
    await appendItems(service.messaging, [order('f2', 'fritz')]);
    const { body: run } = await service.call('POST', '/v1/erasure/run', { ...subject('fritz'), rows: 'keep' });
    const twice = await service.call('POST', '/v1/erasure/run', subject('fritz'));
    expect(twice).toMatchObject({ status: 409, body: { detail: expect.stringContaining(run.id) } });
    await waits(run.id);
    const cancelled = await service.call('DELETE', `/v1/erasure/${run.id}`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', keys: [], endedBy: 'local' } });
    expect((await service.call('DELETE', `/v1/erasure/${run.id}`)).status).toBe(409);
    last = (await service.call('POST', '/v1/erasure/run', { ...subject('fritz'), rows: 'keep' })).body;
    await waits(last.id);
    expect((await service.call('GET', `/v1/erasure/${last.id}`)).body.status).toBe('draining');
  } finally {
    await blocker.query('ROLLBACK');
    blocker.release();
  }
  const done = await ended(last.id);
  // Both of its lines were under the key by then.
  expect(done).toMatchObject({ status: 'done', report: { readable: 0 } });
  expect(place(done, 'raw')).toMatchObject({ found: 2, readable: 0 });
});

test('nothing that an erasure leaves behind says whom it was about', async () => {
  const { rows } = await service.database.pool.query('SELECT e::text AS text, lookup FROM curation_worker.erasure e');
  const audit = (await records<AuditRecord>(TOPICS.audit.name)).filter(({ action }) => action.startsWith('privacy.'));
  const requests = await records(TOPICS.erasureRequested.name);
  const said = JSON.stringify([rows.map(({ text }) => text), audit, requests]);
  for (const name of ['anna', 'carla', 'emil', 'fritz']) expect(said).not.toContain(name);
  expect(rows.every(({ lookup }) => lookup === null)).toBe(true);
  expect(audit.map(({ action }) => action)).toEqual(
    expect.arrayContaining([
      ...['privacy.erasure_requested', 'privacy.erasure_cancelled'],
      ...['privacy.keys_destroyed', 'privacy.erasure_ended'],
    ]),
  );
  expect(GROUPS.curationErasures.topic).toBe(TOPICS.erasureResults.name);
});

test('requests that make no sense are refused', async () => {
  const kind = { kind: 'x y', value: '1' };
  for (const asked of [undefined, null, {}, [], [[[]]], [kind], kind, 'x'])
    for (const route of ['plan', 'run'])
      expect([asked, (await service.call('POST', `/v1/erasure/${route}`, { subject: asked })).status]).toEqual([
        asked,
        400,
      ]);
  for (const body of [{}, { ...subject('x'), rows: 'some' }])
    expect((await service.call('POST', '/v1/erasure/run', body)).status).toBe(400);
  expect((await service.call('GET', '/v1/erasure/nothing')).status).toBe(404);
  expect((await service.call('GET', `/v1/erasure/${v4()}`)).status).toBe(404);
  const { body: unknown } = await service.call('POST', '/v1/erasure/plan', { subject: { kind: 'nobody', value: 'x' } });
  expect(unknown).toMatchObject({ isKnownKind: false, keys: [], raw: { lines: 0 }, tables: [] });
});
