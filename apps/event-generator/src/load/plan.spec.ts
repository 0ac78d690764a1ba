import { compile, contractSet, readCatalogDir } from '@millrace/contracts';
import { decode, eventFingerprint } from '@millrace/envelope';
import { EVENT_TYPES, type EventType } from '../events/event';
import { createStream } from '../events/streams';
import { DAMAGES } from './corrupt';
import { itemsOf, LoadPlan, type LoadSpec, type PlannedItem, requestsOf } from './plan';

const FROM_MS = Date.UTC(2026, 2, 1);
const spec = (given: Partial<LoadSpec> = {}): LoadSpec => ({
  type: 'shipment',
  ratePerSecond: 1_000,
  seconds: 1.2,
  duplicates: 0.2,
  late: 0.15,
  corrupt: 0.1,
  seed: 's',
  fromMs: FROM_MS,
  eventsPerRequest: 7,
  ...given,
});

function drawn(of: LoadSpec): PlannedItem[] {
  const plan = new LoadPlan(of);
  return Array.from({ length: requestsOf(of) }, () => plan.nextRequest()).flat();
}

const contracts = contractSet(
  1,
  readCatalogDir().map(({ contract }) => compile(contract)),
);

/** What curation makes of an item: an envelope that keeps its contract, or null. */
function judged(bytes: Buffer) {
  const decoded = decode(bytes, { format: 'event', tenant: 't', source: 'http', at: '2026-03-01T00:00:00Z' });
  if (!decoded.ok) return null;
  const { envelope } = decoded;
  const broken = contracts.byEventType(envelope.eventType)?.validate(envelope.payload, envelope) ?? [];
  return broken.length > 0 ? null : envelope;
}

describe.each(EVENT_TYPES)('a plan of %s events', (type) => {
  it('is the same each time, to the last byte', () => {
    const text = (seed: string): string =>
      drawn(spec({ type, seed }))
        .map(({ bytes, kind, how, event, key }) => `${kind} ${how} ${event} ${key} ${bytes.toString('latin1')}`)
        .join('\n');
    expect(text('s') === text('s')).toBe(true);
    expect(text('s') === text('t')).toBe(false);
  });

  it('is of the kinds that were asked for', () => {
    const items = drawn(spec({ type }));
    expect(items).toHaveLength(1_200);
    const share = (kind: string): number => items.filter((item) => item.kind === kind).length / items.length;
    expect(share('duplicate')).toBeCloseTo(0.2, 1);
    expect(share('late')).toBeCloseTo(0.15, 1);
    expect(share('corrupt')).toBeCloseTo(0.1, 1);
    expect(new Set(items.map(({ kind, how }) => `${kind} ${how}`)).size).toBeGreaterThan(8);
  });

  it('says of each item rightly whether it is an event, and of which', () => {
    const ids = new Map<number, string>();
    const seen = new Set<string>();
    for (const { kind, how, event, bytes, body } of drawn(spec({ type }))) {
      const envelope = judged(bytes);
      expect([kind, how, envelope === null]).toEqual([kind, how, kind === 'corrupt']);
      if (!envelope) {
        expect([event, body]).toEqual([-1, null]);
        continue;
      }
      const known = ids.get(event);
      expect(kind === 'duplicate').toBe(known !== undefined);
      if (known === undefined) {
        // A number is one event: no other has its id.
        expect(seen.has(envelope.eventId)).toBe(false);
        seen.add(envelope.eventId);
        ids.set(event, envelope.eventId);
      } else {
        expect(envelope.eventId).toBe(known);
        const original = judged(Buffer.from(JSON.stringify(body)));
        const differs = original && eventFingerprint(original) !== eventFingerprint(envelope);
        expect([how, differs]).toEqual([how, how === 'changed']);
      }
    }
  });

  it('has no item less for its corrupt ones', () => {
    const stream = createStream(type, { seed: 's', fromMs: FROM_MS, gapMs: 1 / 0.55 });
    const fresh = drawn(spec({ type })).filter(({ kind }) => kind === 'fresh');
    expect(fresh.map(({ body }) => body)).toEqual(fresh.map(() => stream.next().body));
  });
});

it('late events happened hours to days before', () => {
  const lagHours = drawn(spec({ type: 'telemetry' }))
    .filter(({ kind }) => kind === 'late')
    .map(({ body }) => (FROM_MS - Date.parse(String(body?.['event_time']))) / 3_600_000);
  expect(Math.min(...lagHours)).toBeGreaterThan(5.9);
  expect(new Set(lagHours.map(Math.round))).toEqual(new Set([6, 30, 168]));
});

it('the clock of the events keeps pace with the load', () => {
  const times = drawn(spec({ type: 'telemetry', late: 0 })).map(({ body }) => Date.parse(String(body?.['event_time'])));
  const last = Math.max(...times.filter((time) => !Number.isNaN(time)));
  expect((last - FROM_MS) / 1_000).toBeGreaterThan(1);
  expect((last - FROM_MS) / 1_000).toBeLessThan(1.4);
});

it.each(EVENT_TYPES.flatMap((type) => Object.keys(DAMAGES[type]).map((how) => [type, how] as [EventType, string])))(
  '%s damaged by %s is refused',
  (type, how) => {
    const { body } = createStream(type, { seed: 's', fromMs: FROM_MS, gapMs: 1_000 }).next();
    expect(judged(Buffer.from(JSON.stringify(body)))).not.toBeNull();
    const bytes = DAMAGES[type][how](body);
    expect(bytes.includes(10)).toBe(false);
    expect(judged(bytes)).toBeNull();
  },
);

it('counts items and requests', () => {
  expect([
    itemsOf(spec({ ratePerSecond: 0.5, seconds: 3 })),
    requestsOf(spec({ ratePerSecond: 10, seconds: 1 })),
  ]).toEqual([2, 2]);
});
