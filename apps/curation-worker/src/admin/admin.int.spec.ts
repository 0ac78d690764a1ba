import { shipmentEvent } from '../testing/landing-bench';
import { appendItems } from '../testing/lake';
import { type RunningService, runningService } from '../testing/running-service';
import { caughtUp, until } from '../testing/worker-under-test';

let service: RunningService;
beforeAll(async () => (service = await runningService()));
afterAll(() => service.stop());

const send = async (...items: Buffer[]): Promise<void> => {
  await appendItems(service.messaging, items, { headers: { at: new Date(Date.now() - 2_000).toISOString() } });
  await until(() => caughtUp(service.messaging));
};
const get = (route: string) => service.call('GET', route);

test('failed events are paged, newest first, and each is found by its id', async () => {
  expect((await get('/admin/events/failed')).body).toEqual({
    events: [],
    pagination: { page: 1, limit: 20, total: 0, totalPages: 0 },
  });
  await send(...Array.from({ length: 7 }, (_, i) => shipmentEvent(`f${i}`, { status: 'lost' })), Buffer.from('{"torn'));
  const pages = await Promise.all([1, 2, 3, 4].map((page) => get(`/admin/events/failed?page=${page}&limit=3`)));
  expect(pages.map(({ body }) => body.events.map(({ id }: { id: string }) => id.replace(/:\d+$/, '')))).toEqual([
    ['quarantine', 'f6', 'f5'],
    ['f4', 'f3', 'f2'],
    ['f1', 'f0'],
    [],
  ]);
  expect(pages[1].body.pagination).toEqual({ page: 2, limit: 3, total: 8, totalPages: 3 });
  expect((await get('/admin/events/f3')).body).toEqual({
    ...{ id: 'f3', eventType: 'shipment.status.changed', metadata: null, status: 'DEAD_LETTER', retryCount: 0 },
    // Its contract classifies fields: what broke it is not shown.
    payload: null,
    ...{ processedAt: null, failedAt: expect.stringMatching(/Z$/) },
    failureReason: expect.stringContaining('unknown_value'),
    ...{ createdAt: expect.stringMatching(/Z$/), updatedAt: expect.stringMatching(/Z$/) },
  });
  const [torn] = pages[0].body.events;
  expect((await get(`/admin/events/${torn.id}`)).body).toEqual(torn);
});

test('a landed event is found before table-manager has it, with what it says; an unknown one is not there', async () => {
  await send(shipmentEvent('landed', {}, { metadata: { who: 'me' } }));
  const { status, body } = await get('/admin/events/landed');
  expect([status, body.status]).toEqual([200, 'PROCESSED']);
  expect(body).toMatchObject({ id: 'landed', failureReason: null, payload: { status: 'created' } });
  expect(Date.parse(body.processedAt)).toBeGreaterThan(Date.parse(body.createdAt));
  expect((await get('/admin/events/nobody')).status).toBe(404);
  expect((await service.call('POST', '/admin/events/nobody/replay')).status).toBe(404);
  expect((await service.call('POST', '/admin/events/landed/replay')).status).toBe(409);
});

test('a replay answers with what came of it: failed again, and processed once its contract has changed', async () => {
  const again = await service.call('POST', '/admin/events/f1/replay');
  expect(again).toMatchObject({
    status: 200,
    body: { success: false, event: { status: 'DEAD_LETTER', retryCount: 1 } },
  });
  const { pool } = service.database;
  const { rows } = await pool.query(
    `SELECT raw, headers, sealed_by AS "sealedBy" FROM curation_worker.quarantine WHERE event_id = 'f1'`,
  );
  const [f1] = await service.opener.items(rows);
  if (!f1.ok) throw new Error(f1.why);
  await pool.query(
    `UPDATE curation_worker.quarantine SET raw = $1, headers = $2, sealed_by = NULL WHERE event_id = 'f1'`,
    [Buffer.from(f1.raw.toString().replace('"lost"', '"created"')), JSON.stringify(f1.headers)],
  );
  const healed = await service.call('POST', '/admin/events/f1/replay');
  expect(healed).toMatchObject({ status: 200, body: { success: true, event: { id: 'f1', status: 'PROCESSED' } } });
  expect((await get('/admin/events/f1')).body.status).toBe('PROCESSED');
  expect((await get('/admin/events/failed?limit=1')).body.pagination.total).toBe(7);
});

test('metrics say where events are, what they are, and how long they take', async () => {
  const { body } = await get('/admin/metrics');
  expect(body).toEqual({
    summary: { total: 9, pending: 0, processing: 0, processed: 2, failed: 0, deadLetter: 7 },
    eventsByType: [
      { eventType: 'shipment.status.changed', count: 8 },
      { eventType: '_unreadable', count: 1 },
    ],
    processingStats: { averageProcessingTimeSeconds: expect.any(Number), totalProcessed: 2 },
  });
  expect(body.processingStats.averageProcessingTimeSeconds).toBeGreaterThan(0);
  expect((await get('/admin/metrics')).body).toEqual(body);
});

test.each(['page=0', 'limit=0', 'limit=101', 'page=a'])('%s is refused', async (query) => {
  expect((await get(`/admin/events/failed?${query}`)).status).toBe(400);
});
