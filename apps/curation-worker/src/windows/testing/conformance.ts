import type { LandingStore } from '../../landing/port';
import { LATENESS_BOUNDS_SECONDS, SKEW_BOUNDS_SECONDS } from '../buckets';
import type { LateEvents, TimeDelta } from '../deltas';
import { keyOf } from '../firings';
import type { LandedDeltas, RoundChanges, TimeStore, TimeTransaction, WindowRow } from '../port';

export interface TimeUnderTest {
  readonly landing: LandingStore;
  readonly time: TimeStore;
  close(): Promise<void>;
}

const TOPIC = 'events.inbound';
const DAY_MS = 86_400_000;

const counts = (bounds: readonly number[], at: number, n = 1): number[] =>
  [...bounds, Infinity].map((_, i) => (i === at ? n : 0));

const late = (day: string, events: number, acceptedMs: number): LateEvents => ({
  ...{ day, source: '=s', contract: 'c', events, latenessSecondsMax: events * 10 },
  ...{ firstAcceptedMs: acceptedMs, lastAcceptedMs: acceptedMs + 5 },
});

const delta = (tenant: string, atMs: number): TimeDelta => ({
  tenant,
  reachedMs: atMs,
  panes: [{ atMs, eventType: "it's", facility: null, events: 2, late: 1, latenessSecondsMax: 7 }],
  sources: [],
  late: [late('2013-01-31', 1, 1_000)],
});

const window = (tenant: string, startMs: number, own: Partial<WindowRow> = {}): WindowRow => ({
  ...{ tenant, kind: '5m', startMs, endMs: startMs + 300_000, eventType: '=t', facility: '' },
  ...{ events: 1, late: 0, latenessSecondsMax: 3, revision: 0, fired: null, changed: true },
  ...own,
});

/** Runs the promises of a time store, and of the landings that leave deltas for it, against an engine. */
export function timeStoreConformance(name: string, make: () => Promise<TimeUnderTest>): void {
  describe(`time store: ${name}`, () => {
    let under: TimeUnderTest;
    let epoch: number;
    let batchId: number;
    let from: number;

    beforeEach(async () => {
      under = await make();
      epoch = await under.landing.register('worker');
      batchId = (await under.landing.batchIds()).first;
      from = 0;
      await under.landing.take({ topic: TOPIC, partition: '0' }, epoch, 0);
    });
    afterEach(() => under.close());

    /** Leaves the deltas of one batch; `end` decides whether it lands. */
    async function land(deltas: readonly TimeDelta[], end: 'commit' | 'rollback' = 'commit'): Promise<number> {
      const place = { topic: TOPIC, partition: '0' };
      const id = batchId++;
      const landing = await under.landing.begin();
      await landing.movePosition({ ...place, epoch, from, to: from + 1, acceptedTo: null });
      await landing.tally(deltas, id);
      const range = { from, to: from + 1 };
      await landing.manifest({
        ...place,
        batchId: id,
        epoch,
        range,
        landed: 1,
        duplicate: 0,
        quarantined: 0,
        message: { files: [] },
        stats: [],
      });
      if (end === 'rollback') await landing.rollback();
      else {
        const { contractsIndex, keysEpoch } = await under.landing.line();
        await landing.commit({ batchId: id, epoch, contractsIndex, keysEpoch });
        from++;
      }
      return id;
    }
    const round = async <T>(task: (tx: TimeTransaction) => Promise<T>): Promise<T> => {
      const done = await under.time.transact(task);
      if (done === null) throw new Error('another round is under way');
      return done;
    };
    const changes = (tx: TimeTransaction, own: Partial<RoundChanges> = {}): RoundChanges => ({
      progress: { number: tx.progress.number, earlyMs: tx.progress.earlyMs },
      ...{ batchIds: [], tenants: [], names: [], windows: [], sources: [], late: [], messages: [] },
      ...own,
    });
    const store = (own: Partial<RoundChanges>): Promise<void> => round((tx) => tx.store(changes(tx, own)));
    const deltas = (after: number, limit = 10): Promise<LandedDeltas[]> => round((tx) => tx.deltas(after, limit));

    test('deltas of landings come in the order of their numbers, with those that left none; what was undone left none', async () => {
      const first = await land([delta('a', 1_000), delta('b', -62_135_596_800_000)]);
      await land([delta('a', 5)], 'rollback');
      const second = await land([]);
      const third = await land([delta('a', 2_000)]);
      const found = await deltas(0);
      expect(found.map((batch) => [batch.number, batch.batchId, batch.topic, batch.partition])).toEqual([
        [1, first, TOPIC, '0'],
        [2, second, TOPIC, '0'],
        [3, third, TOPIC, '0'],
      ]);
      expect(found.map((batch) => batch.deltas)).toEqual([
        [delta('a', 1_000), delta('b', -62_135_596_800_000)],
        [],
        [delta('a', 2_000)],
      ]);
      expect((await deltas(1, 1)).map(({ number }) => number)).toEqual([2]);
    });

    test('a round that fails has changed nothing, and one that ends has changed everything', async () => {
      const id = await land([delta('a', 1)]);
      const message = { id: '0190aaaa-0000-7000-8000-000000000001', topic: 'kpi.windows', body: { tenant: 'a' } };
      const all = {
        progress: { number: 1, earlyMs: 7 },
        batchIds: [id],
        windows: [window('a', 0)],
        messages: [message],
      };
      const failing = under.time.transact(async (tx) => {
        await tx.store(changes(tx, all));
        throw new Error('crashed');
      });
      await expect(failing).rejects.toThrow('crashed');
      expect([(await deltas(0))[0].deltas.length, await under.time.outbox.due(9)]).toEqual([1, []]);
      await store(all);
      expect(await round(async (tx) => tx.progress)).toMatchObject({ number: 1, earlyMs: 7 });
      expect((await deltas(0))[0].deltas).toEqual([]);
      const due = await under.time.outbox.due(9);
      expect(due.map(({ id: of, topic, json }) => [of, topic, JSON.parse(json)])).toEqual([
        [message.id, message.topic, message.body],
      ]);
      await under.time.outbox.sent(due);
      expect(await under.time.outbox.due(9)).toEqual([]);
    });

    test('of two rounds at once one runs', async () => {
      const inside = await round(async () => [await under.time.transact(async () => 'ran')]);
      expect(inside).toEqual([null]);
      expect(await under.time.transact(async () => 'ran')).toBe('ran');
    });

    test('windows are kept by key, found when they are due, and read in pages', async () => {
      const rows = [
        window('a', 0, { fired: 'early', revision: 1, changed: false }),
        window('a', 0, { eventType: '=u' }),
        window('a', 300_000, { fired: 'on_time', revision: 2 }),
        window('a', 600_000),
        window('b', 0, { kind: '1d', endMs: DAY_MS }),
      ];
      await store({ windows: rows });
      await store({ windows: [{ ...rows[1], events: 5 }] });
      const [, second] = rows;
      const known = await round((tx) => tx.windows([second, window('a', 900_000)]));
      expect(known).toMatchObject([{ ...second, events: 5 }]);
      const due = await round((tx) =>
        tx.due(
          [
            { tenant: 'a', watermarkMs: 600_000 },
            { tenant: 'b', watermarkMs: DAY_MS - 1 },
          ],
          9,
        ),
      );
      expect(due.map(keyOf).sort()).toEqual([keyOf(rows[0]), keyOf(second)].sort());
      const changed = await round((tx) => tx.changed(9));
      expect(changed.map(keyOf).sort()).toEqual([second, rows[3], rows[4]].map(keyOf).sort());

      const question = { tenant: 'a', kind: '5m', fromMs: 0, toMs: 600_000, limit: 2 } as const;
      const page = await under.time.windows(question);
      expect(page.map(keyOf)).toEqual([keyOf(rows[0]), keyOf(second)]);
      const rest = await under.time.windows({ ...question, after: page[1] });
      expect(rest.map(keyOf)).toEqual([keyOf(rows[2]), keyOf(rows[3])]);
      expect((await under.time.windows({ ...question, eventType: '=u' })).map(({ events }) => events)).toEqual([5]);
      expect(await under.time.windows({ ...question, facility: '=x' })).toEqual([]);
      expect(await under.time.windows({ ...question, tenant: 'c' })).toEqual([]);
    });

    test('how far tenants and their sources are is kept, and names once', async () => {
      const source = { topic: TOPIC, partition: '0', reachedMs: -5, seenMs: 9 };
      const tenant = { tenant: 'a', watermarkMs: -62_135_596_800_000, prunedToMs: null, sources: [source] };
      const counted = { tenant: 'a', dimension: 'type', name: "it's" } as const;
      await store({ tenants: [tenant], names: [counted] });
      await store({ tenants: [{ ...tenant, watermarkMs: 3, sources: [{ ...source, reachedMs: 4 }] }], names: [] });
      const after = { ...tenant, watermarkMs: 3, sources: [{ ...source, reachedMs: 4 }] };
      const other = { tenant: 'b', watermarkMs: 1, prunedToMs: null, sources: [] };
      await store({ tenants: [other] });
      expect(await round((tx) => tx.tenants(['b', 'a', 'c']))).toHaveLength(2);
      expect(await round((tx) => tx.tenants([]))).toEqual([]);
      expect(await round((tx) => tx.tenantsAfter(null, 1))).toEqual([after]);
      expect(await round((tx) => tx.tenantsAfter('a', 9))).toEqual([other]);
      expect(await round((tx) => tx.tenantsAfter('b', 9))).toEqual([]);
      expect(await under.time.tenantTime('a')).toEqual(after);
      expect(await under.time.tenantTime('c')).toBeNull();
      const asked = [{ ...counted, tenant: 'b' }, counted, { ...counted, name: 'other' }];
      expect(await round((tx) => tx.names(asked))).toEqual([counted]);
      expect(await round((tx) => tx.names([]))).toEqual([]);
      expect(await round((tx) => tx.nameCounts(['a', 'b']))).toEqual([{ tenant: 'a', dimension: 'type', names: 1 }]);
      expect(await round((tx) => tx.nameCounts(['b']))).toEqual([]);
    });

    test('late data and times of sources are added to what is there', async () => {
      const hour = '2026-03-10T12:00:00.000Z';
      const times = (n: number) => ({
        ...{ tenant: 'a', source: '=s', hour },
        lateness: { counts: counts(LATENESS_BOUNDS_SECONDS, n, n), sumSeconds: n / 2 },
        skew: { counts: counts(SKEW_BOUNDS_SECONDS, 1), sumSeconds: -1.5 },
      });
      for (const [n, acceptedMs] of [
        [2, 1_000],
        [3, 400],
      ])
        await store({ sources: [times(n)], late: [{ ...late('2013-01-31', n, acceptedMs), tenant: 'a' }] });
      await store({ late: [{ ...late('2013-02-01', 1, 1), tenant: 'a' }] });
      const [row] = await under.time.sourceTimes({ tenant: 'a', limit: 9 });
      expect(row).toMatchObject({ source: '=s', hour, lateness: { sumSeconds: 2.5 }, skew: { sumSeconds: -3 } });
      expect([row.lateness.counts[2], row.lateness.counts[3], row.skew.counts[1]]).toEqual([2, 3, 2]);
      expect(row.lateness.counts).toHaveLength(LATENESS_BOUNDS_SECONDS.length + 1);
      const ledger = await under.time.lateData({ tenant: 'a', limit: 9 });
      expect(ledger).toMatchObject([
        { ...late('2013-01-31', 5, 400), lastAcceptedMs: 1_005, latenessSecondsMax: 30 },
        late('2013-02-01', 1, 1),
      ]);
      expect(await under.time.lateData({ tenant: 'a', limit: 9, after: ledger[0] })).toHaveLength(1);
      expect(
        await under.time.lateData({ tenant: 'a', limit: 9, to: '2013-01-31', source: '=s', contract: 'c' }),
      ).toHaveLength(1);
      expect(await under.time.lateData({ tenant: 'a', limit: 9, from: '2013-02-02' })).toEqual([]);
      expect(await under.time.sourceTimes({ tenant: 'a', limit: 9, after: row })).toEqual([]);
      expect(
        await under.time.sourceTimes({ tenant: 'a', limit: 9, from: hour, to: '2026-03-10T13:00:00.000Z' }),
      ).toHaveLength(1);
      expect(await under.time.sourceTimes({ tenant: 'b', limit: 9 })).toEqual([]);
    });

    test('what changed within a day is not forgotten; histories are, by their age', async () => {
      const tenant = { tenant: 'a', watermarkMs: 100 * DAY_MS, prunedToMs: null, sources: [] };
      await store({
        tenants: [tenant],
        windows: [window('a', 0), window('a', 99 * DAY_MS)],
        late: [{ ...late('1970-01-01', 1, 1), tenant: 'a' }],
      });
      await under.time.prune({ windowsMs: 10 * DAY_MS, sourcesMs: DAY_MS, lateMs: DAY_MS });
      const kept = await under.time.windows({ tenant: 'a', kind: '5m', fromMs: 0, toMs: 100 * DAY_MS, limit: 9 });
      expect(kept).toHaveLength(2);
      expect(await under.time.tenantTime('a')).toMatchObject({ prunedToMs: 299_999 });
      expect(await under.time.lateData({ tenant: 'a', limit: 9 })).toEqual([]);
    });
  });
}
