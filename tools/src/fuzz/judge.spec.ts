import { faultOf } from './judge';
import { itemsTaken } from './receipts';
import { miscounts } from './stage';

const answer = (status: number, body: unknown, headers = '') => ({
  status,
  head: `HTTP/1.1 ${status} x${headers}`,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const PROBLEM = '\r\nContent-Type: application/problem+json; charset=utf-8';
const problem = (status: number, headers = '') => answer(status, { status, title: 'x' }, PROBLEM + headers);

it('a failure is a fault, a refusal is none', () => {
  expect(faultOf(answer(200, ''), false)).toBeNull();
  expect(faultOf(problem(404), false)).toBeNull();
  expect(faultOf(problem(503, '\r\nRetry-After: 1'), false)).toBeNull();
  expect(faultOf(problem(503), false)).toMatch(/Retry-After/);
  expect(faultOf(problem(500), false)).toMatch(/500/);
  expect(faultOf(problem(502, '\r\nRetry-After: 1'), false)).toMatch(/502/);
  expect(faultOf(answer(400, 'x'), false)).toMatch(/problem details/);
  expect(faultOf(answer(400, { status: 404, title: 'x' }, PROBLEM), false)).toMatch(/another status/);
  expect(faultOf(answer(400, ''), true)).toBeNull();
});

it('a service that says that it is not ready was asked for that', () => {
  const retry = '\r\nRetry-After: 1';
  expect(faultOf(answer(503, { status: 'not ready', services: {} }, retry), false)).toBeNull();
  expect(faultOf(answer(503, { status: 'not ready', service: 'x', resources: {} }, retry), false)).toBeNull();
  expect(faultOf(answer(503, { status: 'not ready' }, retry), false)).toMatch(/problem details/);
  expect(faultOf(answer(500, { status: 'not ready', services: {} }), false)).toMatch(/500/);
});

it('items are counted from the answers of capture routes, replays left out', () => {
  expect(itemsTaken(answer(202, { accepted: 3, quarantined: 2, items: [] }))).toBe(5);
  expect(itemsTaken(answer(201, { success: true, eventId: 'a' }))).toBe(1);
  expect(itemsTaken(answer(200, { status: 'success', message_data: null }))).toBe(1);
  // An operator's replay.
  expect(itemsTaken(answer(200, { success: true, message: 'm', event: { id: 'a' } }))).toBe(0);
  expect(itemsTaken(answer(201, { success: true }, '\r\nIdempotency-Replayed: true'))).toBe(0);
  expect(itemsTaken(answer(200, { eventId: 'a', status: 'LANDED' }))).toBe(0);
  expect(itemsTaken(problem(400))).toBe(0);
});

it('counts that do not add up are told', () => {
  const totals = { received: 10, landed: 6, duplicate: 2, quarantined: 2, pending: 0 };
  expect(miscounts(totals, 10, 0)).toEqual([]);
  expect(miscounts(totals, 8, 2)).toEqual([]);
  expect(miscounts(totals, 11, 0)).toHaveLength(1);
  expect(miscounts(totals, 8, 1)).toHaveLength(1);
  expect(miscounts(totals, 4, 1, { received: 5 })).toEqual([]);
  expect(miscounts(totals, 6, 0, { received: 5 })).toHaveLength(1);
  expect(miscounts({ ...totals, landed: 5 }, 10, 0)).toHaveLength(1);
  expect(miscounts({ ...totals, pending: 1 }, 10, 0)).toHaveLength(2);
});
