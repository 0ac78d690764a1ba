import { type BatchStaged, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import type { CommitStore } from '../commit/commit-store';
import type { ExpiredFile, Removal, RemovalDraft, RetentionStore } from '../retention/port';

export interface RetentionUnderTest {
  readonly commits: CommitStore;
  readonly retention: RetentionStore;
  close(): Promise<void>;
}

const LINE = '0190aaaa-0000-7000-8000-00000000000a';
const DAY_MS = 86_400_000;
const DECIDED = Date.parse('2026-03-01T00:00:00Z');
const HOLDING = new Set(['m']);

const batch = (number: number): BatchStaged => ({
  ...{ lineId: LINE, number, batchId: number, topic: 't', partition: '0', range: null, acceptedFrom: null },
  ...{ landedAt: '2026-01-01T00:00:00.000Z', acceptedTo: null, contractsIndex: 1, files: [], counts: [] },
});
const message = (topic: string = TOPICS.tablesChanged.name) => ({ id: v4(), topic, body: {} });
const file = (path: string, days: readonly string[], mart = 'm'): ExpiredFile => ({
  ...{ path, bytes: 10, isWhole: true, rows: { orders: 2, visits: 1 } },
  partitions: days.map((partition) => ({ mart, partition })),
});
const draft = (files: readonly ExpiredFile[], table = 'clean.events', seqAfter = 0): RemovalDraft => ({
  ...{ id: v4(), table, seqAfter, decidedAtMs: DECIDED, files },
  terms: ['orders', 'visits', 'idle'].map((dataset, i) => ({
    ...{ dataset, ms: (i + 1) * DAY_MS, from: 'ingest_time' as const, eventTypes: [dataset], days: [] },
  })),
});

/** Runs the retention store's promises against an engine. */
export function retentionStoreConformance(name: string, make: () => Promise<RetentionUnderTest>): void {
  describe(`retention store: ${name}`, () => {
    let under: RetentionUnderTest;
    let commits: CommitStore;
    let retention: RetentionStore;
    let number = 0;
    beforeEach(async () => {
      under = await make();
      ({ commits, retention } = under);
      number = 0;
    });
    afterEach(() => under.close());

    const touch = async (...days: string[]): Promise<void> => {
      await commits.receive([batch(++number)]);
      const progress = await commits.progress();
      if (!progress) throw new Error('there is no progress');
      await commits.plan(progress, number);
      const touched = new Map([['m', new Set(days)]]);
      await commits.advance({ lineId: LINE, cursor: progress.cursor, to: number, touched, message: message() });
    };
    const built = (...days: string[]): Promise<void> =>
      commits.built(
        days.map((partition) => ({ mart: 'm', partition, asked: 0 })),
        number,
        message(),
      );
    const stale = async (): Promise<string[]> =>
      ((await commits.stale(['m'], 10)).marts.get('m')?.stale ?? []).map(({ partition }) => partition);
    const planned = async (...files: ExpiredFile[]): Promise<Removal> => {
      const { removal } = await retention.plan(draft(files), HOLDING);
      if (!removal) throw new Error('nothing was planned');
      return removal;
    };

    test('a file waits for what touched its partitions; others go, and theirs are frozen', async () => {
      await touch('a', 'b', 'c');
      await built('a', 'c');
      const { removal, waiting } = await retention.plan(
        draft([file('1', ['a']), file('2', ['a', 'b']), file('3', [])]),
        HOLDING,
      );
      expect(waiting).toEqual(['2']);
      expect(removal?.files.map(({ path }) => path)).toEqual(['1', '3']);
      expect(await commits.frozenAmong(['a', 'b', 'x'].map((partition) => ({ mart: 'm', partition })))).toEqual([
        { mart: 'm', partition: 'a' },
      ]);
      expect(await retention.planned()).toEqual([removal]);
      expect(await stale()).toEqual(['b']);
    });

    test('where all files wait nothing is planned; marts that hold nobody up are frozen as they are', async () => {
      await touch('a');
      expect(await retention.plan(draft([file('1', ['a'])]), HOLDING)).toEqual({ removal: null, waiting: ['1'] });
      expect(await retention.planned()).toEqual([]);
      expect((await retention.plan(draft([file('1', ['a'])]), new Set())).removal).not.toBeNull();
      expect(await stale()).toEqual([]);
    });

    test('a frozen partition is never stale, and says what it misses', async () => {
      await touch('a', 'b');
      await built('a', 'b');
      await commits.again([{ mart: 'm', partition: 'b' }], number);
      await commits.built([{ mart: 'm', partition: 'b', asked: 1 }], number, message());
      await planned(file('1', ['a', 'b', 'never']));
      const late = async (): Promise<string[]> =>
        (await retention.frozen('m', 10)).map(({ partition, isLate }) => `${partition} ${isLate}`);
      expect(await late()).toEqual(['never false', 'b false', 'a false']);
      await touch('a', 'c');
      await commits.again([{ mart: 'm', partition: 'b' }], number);
      expect(await late()).toEqual(['never false', 'b true', 'a true']);
      expect(await retention.frozen('m', 1)).toHaveLength(1);
      expect(await retention.frozenCounts()).toEqual([{ mart: 'm', frozen: 3, late: 2 }]);
      expect(await stale()).toEqual(['c']);
      // What a file of it waited for is over.
      expect((await retention.plan(draft([file('2', ['a'])], 'clean.a'), HOLDING)).waiting).toEqual([]);
    });

    test('of a table one removal is planned at a time, and each is told once', async () => {
      await touch('a');
      await built('a');
      const first = await planned(file('1', ['a']), file('2', []));
      expect((await retention.plan(draft([file('3', [])]), HOLDING)).removal).toBeNull();
      const other = await retention.plan(draft([file('4', [])], 'clean.orders'), HOLDING);
      expect(other.removal).not.toBeNull();
      expect(await retention.done(first, 7, [message()])).toBe(true);
      expect(await retention.done(first, 8, [message()])).toBe(false);
      expect(await retention.history('clean.events', 10)).toEqual([
        {
          ...{ id: first.id, table: 'clean.events', files: 2, bytes: 20, version: 7, at: expect.any(String) as string },
          datasets: [
            { dataset: 'orders', rows: 4, cutOff: '2026-02-28T00:00:00.000Z' },
            { dataset: 'visits', rows: 2, cutOff: '2026-02-27T00:00:00.000Z' },
          ],
        },
      ]);
      const second = await planned(file('5', []));
      expect(second.seq).toBeGreaterThan(first.seq);
      await retention.done(second, 8, []);
      // A log that knows more than the database: of before a backup.
      expect((await retention.plan(draft([file('6', [])], 'clean.events', 70), HOLDING)).removal?.seq).toBe(71);
    });

    test('one that is abandoned makes way, and is not told of', async () => {
      const removal = await planned(file('1', ['a']));
      await retention.abandon(removal);
      expect(await retention.done(removal, 7, [message()])).toBe(false);
      expect([await retention.planned(), await retention.history('clean.events', 10)]).toEqual([[], []]);
      const next = await planned(file('2', []), file('3', []));
      await retention.abandon(removal);
      await retention.done(next, 8, []);
      expect(await retention.history('clean.events', 10)).toHaveLength(1);
      expect(await retention.history('clean.events', 0)).toEqual([]);
    });
  });
}
