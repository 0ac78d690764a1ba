import type { LoadOutcome } from './generator.child';
import { numberedRequest, renumber } from './numbered-request';
import { judgeConservation, judgeOverload } from './verdict';

function outcome(changes: Partial<LoadOutcome>): LoadOutcome {
  const ms = { p50: 5, p99: 20, max: 50 };
  return {
    ...{ seconds: 10, due: 1_000, sent: 1_000, unsent: 0, accepted: 1_000, refused: {}, withoutRetryAfter: 0 },
    ...{ lost: 0, closed: 0, unanswered: 0, perSecond: [100, 100, 100, 7], acceptedMs: ms, refusedMs: ms },
    ...{ cpuSeconds: 1, next: 1_000 },
    ...changes,
  };
}
const kept = (overload: Partial<LoadOutcome>): boolean =>
  judgeOverload(100, outcome({}), outcome({ refused: { 503: 9_000 }, ...overload })).every(({ ok }) => ok);

it('each promise of overload is held against what was measured', () => {
  expect(kept({})).toBe(true);
  expect(kept({ perSecond: [91, 91, 91, 0] })).toBe(true);
  expect(kept({ perSecond: [89, 89, 89, 100] })).toBe(false);
  // A second without any accepted request counts as well.
  expect(kept({ perSecond: Object.assign([], { 0: 100, 2: 100, 3: 100 }) as number[] })).toBe(false);
  expect(kept({ acceptedMs: { p50: 5, p99: 41, max: 50 } })).toBe(false);
  expect(kept({ refused: { 429: 5, 503: 5 } })).toBe(true);
  expect(kept({ refused: { 500: 1 } })).toBe(false);
  expect(kept({ withoutRetryAfter: 1 })).toBe(false);
  expect(kept({ lost: 1 })).toBe(false);
  expect(kept({ unanswered: 1 })).toBe(false);
});

it('what was accepted has landed, all of it, once', () => {
  const totals = { received: 10, landed: 10, duplicate: 0, quarantined: 0, pending: 0 };
  const ok = (...args: Parameters<typeof judgeConservation>): boolean => judgeConservation(...args)[0].ok;
  expect(ok(totals, 10, 0)).toBe(true);
  expect(ok(totals, 8, 2)).toBe(true);
  expect(ok(totals, 11, 0)).toBe(false);
  expect(ok(totals, 9, 0)).toBe(false);
  expect(ok({ ...totals, landed: 9, pending: 1 }, 10, 0)).toBe(false);
  expect(ok({ ...totals, landed: 9, duplicate: 1 }, 10, 0)).toBe(false);
});

it('events are numbered in place, each with an id and a shipment of its own', () => {
  const request = numberedRequest('run', 3, 0);
  expect(renumber(request, 41)).toBe(44);
  const [head, body] = request.bytes.toString().split('\r\n\r\n');
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  const events = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.map(({ payload }) => payload.shipment_id.slice(-3))).toEqual(['041', '042', '043']);
  expect(new Set(events.map(({ event_id: id }) => id)).size).toBe(3);
  for (const { event_id: id, payload } of events) expect(id).toBe(`${payload.shipment_id}:${payload.status}`);
});
