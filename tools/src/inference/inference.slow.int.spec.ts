import path from 'node:path';
import { DeltaTable, openDuck } from '@millrace/lakehouse';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { tableRoot } from '@millrace/topics';
import { type Answer, soon, startWhole, type Whole } from '../start/fixtures/whole';

// The whole of Millrace, as `npm start` starts it, and events of types that nobody has written a contract for.

let whole: Whole;
beforeAll(async () => {
  whole = await startWhole({ name: 'inference', env: { LOG_LEVEL: 'error', INFER_AFTER: '500ms' } });
}, 120_000);
afterAll(() => whole?.stop(), 60_000);

const call = (method: string, target: string, body?: unknown): Promise<Answer> => whole.call(method, target, body);

const order = (n: number, more: object = {}) => ({
  ...{ event_type: 'order', order_id: `ord_${n}`, customer_id: 'cus_9', order_date: '2026-03-01T10:00:00.000Z' },
  ...{ status: 'placed', items: [{ product_id: 'p-1', quantity: 2, unit_price: 12.5 }], total_amount: 25 + n / 2 },
  ...{ currency: 'EUR', event_date: '2026-03-01' },
  ...more,
});
const inventory = (n: number) => ({
  ...{
    event_type: 'inventory',
    inventory_id: `mov_${n}`,
    product_id: 'p-1',
    quantity_change: -2,
    warehouse_id: 'EWR-1',
  },
  ...{ reason: 'sale', timestamp: '2026-03-01T10:00:01.000Z', event_date: '2026-03-01' },
});
const activity = (n: number) => ({
  ...{ event_type: 'user_activity', user_id: 'cus_9', session_id: `ses_${n}`, activity_type: 'purchase' },
  ...{ page_url: 'https://shop.example/', timestamp: '2026-03-01T10:00:02.000Z', event_date: '2026-03-01' },
});

const rowsOf = async (table: string): Promise<number> =>
  (await call('GET', `/v1/tables/clean.${table}`)).json.rows ?? -1;

test('order, inventory and user_activity events have tables without a contract written by hand', async () => {
  const sent = await call('POST', '/v1/events', [order(1), inventory(1), activity(1)]);
  expect([sent.status, sent.json.accepted]).toEqual([202, 3]);
  const tables = ['orders', 'inventory', 'user_activity'];
  await soon(async () => (await Promise.all(tables.map(rowsOf))).every((rows) => rows === 1));
  const { json } = await call('GET', '/v1/tables');
  expect(json.rows.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(tables.map((name) => `clean.${name}`)),
  );

  // What comes now is staged for the tables; a field that nobody has seen is a column soon.
  expect((await call('POST', '/v1/events', [order(2, { coupon: 'MARCH', total_amount: 'free' })])).status).toBe(202);
  const columns = async (): Promise<string[]> =>
    (await call('GET', '/v1/tables/clean.orders')).json.columns.map(({ name }: { name: string }) => name);
  await soon(async () => (await rowsOf('orders')) === 2);
  await soon(async () => (await call('GET', '/v1/contracts/order')).text.includes('name: coupon'));
  expect((await call('POST', '/v1/events', [order(3, { coupon: 'APRIL' }), inventory(2)])).status).toBe(202);
  await soon(async () => (await rowsOf('orders')) === 3 && (await rowsOf('inventory')) === 2);
  expect(await columns()).toContain('coupon');

  const storage = createFilesystemStorage({ root: path.join(whole.dataDir, 'lake') });
  const duck = await openDuck({ memoryLimitMb: 128, threads: 1 });
  try {
    const table = await DeltaTable.open(storage, tableRoot('clean.orders'), { duck });
    const rows = await duck.query(
      `SELECT order_id, total_amount, coupon, order_date::VARCHAR AS at, payload_event_date::VARCHAR AS day, items, _recovered
         FROM (${await table.scanSql()}) ORDER BY order_id`,
    );
    const at = '2026-03-01 10:00:00+00';
    const items = '[{"product_id":"p-1","quantity":2,"unit_price":12.5}]';
    expect(rows.map((row) => Object.values(row))).toEqual([
      ['ord_1', 25.5, null, at, '2026-03-01', items, null],
      ['ord_2', null, null, at, '2026-03-01', items, '{"$.payload.total_amount":"free"}'],
      ['ord_3', 26.5, 'APRIL', at, '2026-03-01', items, null],
    ]);
  } finally {
    await duck.close();
  }
}, 120_000);

test('drift is told of by version, and a person adopts what was inferred', async () => {
  const drift = await call('GET', '/v1/contracts/order/drift?version=0.1.0&fields=true');
  expect(drift.json.rows).toMatchObject([{ version: '0.1.0', source: 'http', eventType: 'order', events: 1 }]);
  const found = drift.json.rows[0].drift.map(({ kind, path: at }: { kind: string; path: string }) => `${kind} ${at}`);
  expect(found).toEqual(['new $.payload.coupon', 'type $.payload.total_amount']);
  expect((await call('GET', '/v1/contracts/nothing/drift')).status).toBe(404);

  expect((await call('POST', '/v1/contracts/order/adopt')).json).toMatchObject({ name: 'order', version: '1.0.0' });
  expect((await call('POST', '/v1/contracts/order/adopt')).status).toBe(409);
  expect((await call('GET', '/v1/contracts/order')).text).toContain('status: active');
  await soon(async () => {
    const { rows } = (await call('GET', '/v1/audit')).json;
    return rows.some(({ subject }: { subject: string }) => subject === 'order@1.0.0');
  });
  expect((await call('GET', '/v1/inference')).json).toEqual({
    policy: 'infer',
    inferred: { used: 3, limit: 100 },
    rows: [],
  });
}, 120_000);
