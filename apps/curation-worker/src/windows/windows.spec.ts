import { systemRandom } from '@millrace/observability';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { KpiWindows } from '@millrace/topics';
import fc from 'fast-check';
import { v4 } from 'uuid';
import { MemoryLandingStore } from '../landing/memory/store';
import { REPLAY_LOG } from '../replay/stored-batch';
import { createMemoryStager } from '../staging/memory/stager';
import { type Bench, batchOf, HEADERS, makeBench, PARTITION, shipmentEvent } from '../testing/landing-bench';
import { foldRound } from './fold';
import { MemoryTimeStore } from './memory/store';
import { readName } from './names';
import { lateOf, type OracleEvent, windowsOf } from './testing/window-oracle';

const START_MS = Date.parse('2026-03-10T12:00:00.000Z');
const OPTIONS = {
  delayMs: 60_000,
  idleMs: 30_000,
  earlyEveryMs: 10_000,
  namesMax: 100,
  newId: () => v4({ random: systemRandom.bytes(16) }),
};
const PARTITIONS = ['0', '1'];
const CONTRACT = { contract: 'shipment_status_changed', latenessSecondsAllowed: 72 * 3600 };

/** An event as it is sent: how long before its acceptance it happened, and what it says. */
interface Drawn {
  readonly id: number;
  readonly agoMs: number;
  readonly facility: string;
  readonly source: string;
  readonly isShipment: boolean;
  readonly acceptedMs: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  id: fc.integer({ min: 0, max: 40 }),
  agoMs: fc.oneof(
    fc.integer({ min: -90_000, max: 600_000 }),
    fc.constantFrom(
      0,
      3_600_000,
      86_400_000,
      86_401_000,
      72 * 3_600_000,
      72 * 3_600_001,
      40 * 86_400_000,
      -3 * 86_400_000,
    ),
  ),
  facility: fc.constantFrom('EWR', 'JFK', 'LGA'),
  source: fc.constantFrom('carrier', 'scanner'),
  isShipment: fc.boolean(),
  acceptedMs: fc.integer({ min: 0, max: 20 }).map((n) => START_MS + n * 7_000),
});

/** Equal ids are one event sent again: whatever else was drawn for it, it says the same. */
function sameById(events: readonly Drawn[]): Drawn[] {
  const first = new Map<number, Drawn>();
  return events.map((event) => {
    const known = first.get(event.id) ?? event;
    first.set(event.id, known);
    return known;
  });
}

const timeOf = ({ acceptedMs, agoMs }: Drawn): string => new Date(acceptedMs - agoMs).toISOString();

function bytesOf(event: Drawn): Buffer {
  const envelope = { event_time: timeOf(event), source: event.source };
  if (event.isShipment) return shipmentEvent(`e${event.id}`, { facility_id: event.facility }, envelope);
  return Buffer.from(JSON.stringify({ event_id: `e${event.id}`, event_type: 'page.viewed', ...envelope, payload: {} }));
}

const oracleOf = (event: Drawn): OracleEvent => ({
  eventType: event.isShipment ? 'shipment.status.changed' : 'page.viewed',
  facility: event.isShipment ? event.facility : null,
  source: event.source,
  ...(event.isShipment ? CONTRACT : { contract: null, latenessSecondsAllowed: 86_400 }),
  eventMs: event.acceptedMs - event.agoMs,
  ingestMs: event.acceptedMs,
});

class Rig {
  nowMs = START_MS;
  readonly landing = new MemoryLandingStore({ clock: { now: () => this.nowMs } });
  readonly time = new MemoryTimeStore(this.landing);
  private bench: Bench | null = null;
  private readonly next = new Map<string, number>();

  /** Lands events as a replay does, which has no positions. */
  replay = (events: readonly Drawn[]): Promise<void> => this.land(events, '0', false, true);

  async land(events: readonly Drawn[], partition = '0', redelivered = false, replayed = false): Promise<void> {
    const storage = createMemoryStorage();
    if (!this.bench) {
      this.bench = await makeBench({ store: this.landing, storage, stager: createMemoryStager({ storage }) });
      for (const other of PARTITIONS.slice(1))
        await this.landing.take({ ...PARTITION, partition: other }, this.bench.epoch, 0);
    }
    // Items of one request share their accept time.
    for (const at of new Set(events.map(({ acceptedMs }) => acceptedMs))) {
      const some = events.filter(({ acceptedMs }) => acceptedMs === at).map(bytesOf);
      const base = this.next.get(partition) ?? 0;
      const sent = { ...batchOf(some, base, { ...HEADERS, at: new Date(at).toISOString() }), partition };
      const batch = replayed ? { ...sent, ...REPLAY_LOG, range: null, wholeBatches: [] } : sent;
      const ownership = { epoch: this.bench.epoch, attempts: 1, signal: new AbortController().signal };
      for (let n = 0; n < (redelivered ? 2 : 1); n++)
        await this.bench.lander.land(await this.bench.lander.prepare(batch, ownership), ownership);
      if (!replayed) this.next.set(partition, base + some.length);
    }
  }

  fold = (): Promise<unknown> => this.time.transact((tx) => foldRound(tx, OPTIONS));

  /** Lets everything be counted, and told. */
  async settle(): Promise<void> {
    for (let n = 0; n < 4; n++) {
      this.nowMs += OPTIONS.earlyEveryMs;
      await this.fold();
    }
  }

  windows(): object[] {
    return [...this.time.state.windows.values()]
      .map(({ kind, startMs, eventType, facility, events, late, latenessSecondsMax }) => ({
        ...{ kind, startMs, eventType: readName(eventType), facility: readName(facility) },
        ...{ events, late, latenessSecondsMax },
      }))
      .sort(byText);
  }

  /** What a consumer has that keeps the highest revision. */
  async told(): Promise<object[]> {
    const kept = new Map<string, KpiWindows['firings'][number]>();
    for (const { json } of await this.time.outbox.due(Infinity)) {
      for (const firing of (JSON.parse(json) as KpiWindows).firings) {
        const key = JSON.stringify([firing.window, firing.start, firing.key]);
        if ((kept.get(key)?.revision ?? 0) < firing.revision) kept.set(key, firing);
      }
    }
    return [...kept.values()]
      .map(({ window: kind, start, key, events, late, latenessSecondsMax }) => ({
        ...{ kind, startMs: Date.parse(start), eventType: key.eventType ?? null, facility: key.facilityId },
        ...{ events, late, latenessSecondsMax },
      }))
      .sort(byText);
  }
}

const text = (row: unknown): string => JSON.stringify(row);
const byText = (a: unknown, b: unknown): number => (text(a) < text(b) ? -1 : 1);

test('windows, firings and ledger are those of one computation over all events, however these come', async () => {
  const step = fc.record({
    size: fc.integer({ min: 1, max: 12 }),
    partition: fc.constantFrom(...PARTITIONS),
    redelivered: fc.boolean(),
    folds: fc.boolean(),
    waitMs: fc.constantFrom(0, 1_000, 40_000),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(drawn, { minLength: 1, maxLength: 40 }),
      fc.array(step, { minLength: 1, maxLength: 8 }),
      async (events, steps) => {
        const sent = sameById(events);
        const rig = new Rig();
        for (let i = 0, n = 0; i < sent.length; n++) {
          const { size, partition, redelivered, folds, waitMs } = steps[n % steps.length];
          await rig.land(sent.slice(i, i + size), partition, redelivered);
          if (folds) await rig.fold();
          rig.nowMs += waitMs;
          i += size;
        }
        await rig.settle();
        const expected = [...new Set(sent)].map(oracleOf);
        const wanted = windowsOf(expected).sort(byText);
        expect(rig.windows()).toEqual(wanted);
        expect(await rig.told()).toEqual(wanted);
        expect((await rig.time.lateData({ tenant: 'default', limit: 1_000 })).sort(byText)).toEqual(
          lateOf(expected)
            .map((row) => ({ ...row, tenant: 'default', source: `=${row.source}` }))
            .sort(byText),
        );
        const sources = await rig.time.sourceTimes({ tenant: 'default', limit: 1_000 });
        expect(sources.reduce((sum, { lateness }) => sum + lateness.counts.reduce((a, b) => a + b), 0)).toBe(
          expected.length,
        );
        expect(rig.landing.state.deltas.size).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

const at = (id: number, seconds: number, acceptedSeconds = seconds): Drawn => ({
  ...{ id, facility: 'EWR', source: 'carrier', isShipment: true },
  acceptedMs: START_MS + acceptedSeconds * 1_000,
  agoMs: (acceptedSeconds - seconds) * 1_000,
});

/** Kinds of the firings of the first five minutes, with what they said. */
async function firings(rig: Rig): Promise<string[]> {
  const messages = (await rig.time.outbox.due(Infinity)).map(({ json }) => JSON.parse(json) as KpiWindows);
  return messages
    .flatMap((message) => message.firings)
    .filter(({ window, start }) => window === '5m' && Date.parse(start) === START_MS)
    .map(({ kind, revision, events }) => `${kind} ${revision}: ${events}`);
}

test('a window is told of early, once on time, and at each change after that', async () => {
  const rig = new Rig();
  await rig.land([at(1, 10)]);
  await rig.fold();
  await rig.land([at(2, 20)]);
  rig.nowMs += 1_000;
  await rig.fold();
  expect(await firings(rig)).toEqual(['early 1: 1']);
  rig.nowMs += OPTIONS.earlyEveryMs;
  await rig.fold();
  expect(await firings(rig)).toEqual(['early 1: 1', 'early 2: 2']);
  await rig.land([at(3, 361)]);
  await rig.fold();
  expect(await firings(rig)).toEqual(['early 1: 1', 'early 2: 2', 'on_time 3: 2']);
  await rig.land([at(4, 30, 400)]);
  await rig.fold();
  await rig.fold();
  expect(await firings(rig)).toEqual(['early 1: 1', 'early 2: 2', 'on_time 3: 2', 'late 4: 3']);
});

test('the slowest source that sends holds the watermark, and one that sends nothing does not', async () => {
  const rig = new Rig();
  await rig.land([at(1, 10)], '0');
  await rig.land([at(2, 20)], '1');
  await rig.land([at(3, 400)], '0');
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('early 1: 2');
  rig.nowMs += OPTIONS.idleMs - 1_000;
  await rig.land([at(4, 401)], '0');
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('early 1: 2');
  rig.nowMs += 1_000;
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('on_time 2: 2');
});

test('what is replayed is counted, and holds up no watermark, however long it goes on', async () => {
  const rig = new Rig();
  await rig.replay([at(1, -3_600)]);
  await rig.fold();
  await rig.land([at(2, 10)]);
  await rig.land([at(3, 400)]);
  await rig.replay([at(4, -3_000)]);
  rig.nowMs += OPTIONS.idleMs;
  await rig.replay([at(5, -2_900)]);
  await rig.land([at(6, 500)]);
  await rig.fold();
  expect(await rig.time.tenantTime('default')).toMatchObject({ watermarkMs: START_MS + 500_000 - OPTIONS.delayMs });
  expect((await firings(rig)).at(-1)).toBe('on_time 1: 1');
  await rig.replay([at(7, 20, 30)]);
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('late 2: 2');
});

test('where no source sends time goes on by the clock, so that the last windows close', async () => {
  const rig = new Rig();
  await rig.land([at(1, 290)]);
  await rig.fold();
  rig.nowMs += OPTIONS.idleMs;
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('early 1: 1');
  rig.nowMs += 400_000;
  await rig.fold();
  expect((await firings(rig)).at(-1)).toBe('on_time 2: 1');
});

test('a clock that is ahead closes nothing: an event counts as its own accept time at most', async () => {
  const rig = new Rig();
  await rig.land([at(1, 10), at(2, 3_600, 12)]);
  await rig.fold();
  expect(await rig.time.tenantTime('default')).toMatchObject({ watermarkMs: START_MS + 12_000 - OPTIONS.delayMs });
});

test('names beyond the limit are counted together', async () => {
  const rig = new Rig();
  const many = Array.from({ length: 5 }, (_, id) => ({ ...at(id, id), facility: `F${id}` }));
  await rig.land(many);
  await rig.time.transact((tx) => foldRound(tx, { ...OPTIONS, namesMax: 3 }));
  const days = [...rig.time.state.windows.values()].filter(({ kind }) => kind === '1d');
  expect(days.map(({ facility, events }) => [facility, events]).sort()).toEqual([
    ['*', 2],
    ['=F0', 1],
    ['=F1', 1],
    ['=F2', 1],
  ]);
});

test('what is behind what is kept is forgotten, unless it has just changed, and not counted anew', async () => {
  const rig = new Rig();
  const keeps = { windowsMs: 2 * 86_400_000, sourcesMs: 2 * 86_400_000, lateMs: 86_400_000 };
  const days = async (): Promise<string[]> =>
    (await rig.time.windows({ tenant: 'default', kind: '1d', fromMs: -Infinity, toMs: Infinity, limit: 9 })).map(
      ({ startMs, events }) => `${new Date(startMs).toISOString().slice(5, 10)}: ${events}`,
    );
  await rig.land([at(1, 10)]);
  await rig.fold();
  await rig.land([at(2, 5 * 86_400)]);
  await rig.fold();
  await rig.time.prune(keeps);
  expect(await days()).toEqual(['03-10: 1', '03-15: 1']);
  rig.nowMs += 3 * 86_400_000;
  await rig.time.prune(keeps);
  expect(await days()).toEqual(['03-15: 1']);
  await rig.land([at(3, 20, 5 * 86_400)]);
  await rig.fold();
  expect(await days()).toEqual(['03-15: 1']);
  expect(await rig.time.lateData({ tenant: 'default', limit: 9 })).toMatchObject([{ day: '2026-03-10', events: 1 }]);
});
