import type { Outbox, OutboxEntry } from '@millrace/messaging/outbox';
import type { BatchStaged } from '@millrace/topics';
import type { Commit, CommitStore, Progress } from '../commit/commit-store';
import { LineContradiction } from '../commit/plan';

export interface StoreUnderTest {
  readonly store: CommitStore & { readonly outbox: Outbox };
  close(): Promise<void>;
}

const LINE = '0190aaaa-0000-7000-8000-00000000000a';
let ids = 0;
const message = (): OutboxEntry => ({
  id: `0190aaaa-0000-7000-8000-${String(++ids).padStart(12, '0')}`,
  topic: 'tables.changed',
  body: { n: ids },
});
const batch = (number: number, batchId = number * 10, lineId = LINE): BatchStaged => ({
  ...{ lineId, number, batchId, topic: 't', partition: '0', range: null, landedAt: '2026-01-01T00:00:00.000Z' },
  ...{ acceptedFrom: null, acceptedTo: null, contractsIndex: 1, files: [], counts: [] },
});

/** Runs the commit store's promises against an engine. */
export function commitStoreConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`commit store: ${name}`, () => {
    let under: StoreUnderTest;
    let store: StoreUnderTest['store'];
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.close());

    const progress = async (): Promise<Progress> => (await store.progress()) as Progress;
    const numbers = async (limit = 100): Promise<number[]> =>
      (await store.announced(await progress(), limit)).map((each) => each.number);
    const advance = async (to: number, touched: Commit['touched'] = new Map()): Promise<boolean> => {
      const { lineId, cursor } = await progress();
      return store.advance({ lineId, cursor, to, touched, message: message() });
    };
    const commit = async (to: number, ...partitions: string[]): Promise<void> => {
      expect(await store.plan(await progress(), to)).toBe(true);
      expect(await advance(to, new Map([['m', new Set(partitions)]]))).toBe(true);
    };
    const left = async (): Promise<number> => (await store.outbox.due(1_000)).length;

    test('there is no progress before the first batch, which names the line', async () => {
      expect(await store.progress()).toBeNull();
      expect(await store.receive([])).toBeNull();
      expect(await store.receive([batch(3), batch(2)])).toBeNull();
      expect(await progress()).toEqual({ lineId: LINE, cursor: 0, plannedTo: null });
      expect(await numbers()).toEqual([2, 3]);
      expect(await numbers(1)).toEqual([2]);
    });

    test('what is announced again changes nothing, and is answered once it is applied', async () => {
      expect(await store.receive([batch(1), batch(1), batch(2)])).toBeNull();
      expect(await store.receive([batch(1)])).toBeNull();
      await commit(2);
      expect(await store.receive([batch(2), batch(3)])).toBe(2);
      expect(await store.receive([batch(4)])).toBeNull();
      expect(await numbers()).toEqual([3, 4]);
    });

    test('a number of two batches stops the line there, and stays a contradiction', async () => {
      await store.receive([batch(1), batch(2), batch(3)]);
      await expect(store.receive([batch(2, 99)])).rejects.toThrow(LineContradiction);
      expect(await numbers()).toEqual([1]);
      await commit(1);
      await expect(store.announced(await progress(), 10)).rejects.toThrow(LineContradiction);
      await expect(store.receive([batch(1, 98)])).rejects.toThrow(LineContradiction);
      await expect(store.receive([batch(4), batch(4, 5)])).rejects.toThrow(LineContradiction);
    });

    test('batches of another line are refused, and leave nothing', async () => {
      await store.receive([batch(1)]);
      await expect(store.receive([batch(2), batch(1, 10, '0190aaaa-0000-7000-8000-00000000000b')])).rejects.toThrow(
        LineContradiction,
      );
      expect(await numbers()).toEqual([1]);
    });

    test('of planned ranges one has its way, and only that one is applied', async () => {
      await store.receive([batch(1), batch(2), batch(3)]);
      const before = await progress();
      expect(await store.plan(before, 2)).toBe(true);
      expect(await store.plan(before, 3)).toBe(false);
      expect((await progress()).plannedTo).toBe(2);
      expect(await advance(3)).toBe(false);
      expect(await left()).toBe(0);
      expect(await advance(2)).toBe(true);
      expect(await store.advance({ ...before, to: 2, touched: new Map(), message: message() })).toBe(false);
      expect(await progress()).toEqual({ lineId: LINE, cursor: 2, plannedTo: null });
      expect([await left(), await numbers()]).toEqual([1, [3]]);
      expect(await store.plan(before, 3)).toBe(false);
    });

    test('touched partitions are stale until they are built from what touched them', async () => {
      await store.receive([batch(1), batch(2), batch(3)]);
      await commit(1, 'a', 'b');
      await commit(2, 'b');
      expect(await store.stale(['m', 'n'], 10)).toEqual({
        cursor: 2,
        marts: new Map([
          [
            'm',
            {
              stale: [
                { partition: 'a', staleFrom: 1, asked: 0 },
                { partition: 'b', staleFrom: 1, asked: 0 },
              ],
              upTo: 2,
            },
          ],
          ['n', { stale: [], upTo: 2 }],
        ]),
      });
      expect((await store.stale(['m'], 1)).marts.get('m')).toEqual({
        stale: [{ partition: 'a', staleFrom: 1, asked: 0 }],
        upTo: 0,
      });
      const built = (partitions: string[], number: number) =>
        store.built(
          partitions.map((partition) => ({ mart: 'm', partition, asked: 0 })),
          number,
          message(),
        );
      await built(['a', 'b'], 1);
      expect((await store.stale(['m'], 10)).marts.get('m')?.stale).toEqual([
        { partition: 'b', staleFrom: 2, asked: 0 },
      ]);
      await built(['b'], 2);
      expect((await store.stale(['m'], 10)).marts.get('m')?.stale).toEqual([]);
      // A build of an older state that comes late takes nothing back.
      await built(['b'], 1);
      expect((await store.stale(['m'], 10)).marts.get('m')?.stale).toEqual([]);
      await commit(3, 'b');
      expect((await store.stale(['m'], 1)).marts.get('m')).toEqual({
        stale: [{ partition: 'b', staleFrom: 3, asked: 0 }],
        upTo: 2,
      });
      expect(await left()).toBe(6);
    });

    test('partitions that are asked for again are stale until they are built by who knew of it', async () => {
      await store.receive([batch(1), batch(2)]);
      await commit(1, 'a');
      await store.built([{ mart: 'm', partition: 'a', asked: 0 }], 1, message());
      await store.again(
        ['a', 'b'].map((partition) => ({ mart: 'm', partition })),
        1,
      );
      const stale = async () => (await store.stale(['m'], 10)).marts.get('m')?.stale;
      expect(await stale()).toEqual([
        { partition: 'b', staleFrom: 1, asked: 1 },
        { partition: 'a', staleFrom: 2, asked: 1 },
      ]);
      // Began before it was asked for.
      await store.built([{ mart: 'm', partition: 'a', asked: 0 }], 1, message());
      await store.built([{ mart: 'm', partition: 'b', asked: 1 }], 1, message());
      expect(await stale()).toEqual([{ partition: 'a', staleFrom: 2, asked: 1 }]);
      await commit(2, 'a', 'b');
      await store.built([{ mart: 'm', partition: 'a', asked: 1 }], 2, message());
      expect(await stale()).toEqual([{ partition: 'b', staleFrom: 2, asked: 1 }]);
      await store.again([], 2);
    });

    test('messages are given out in order until they are sent, each once', async () => {
      const some = [message(), message(), message()];
      await store.announce(...some);
      await store.announce(some[0]);
      const due = await store.outbox.due(2);
      expect(due.map(({ id }) => id)).toEqual(some.slice(0, 2).map(({ id }) => id));
      expect(JSON.parse(due[0].json)).toEqual(some[0].body);
      await store.outbox.sent(due);
      expect((await store.outbox.due(10)).map(({ id }) => id)).toEqual([some[2].id]);
    });

    test('of those who tell of contracts one does', async () => {
      expect(await store.contractsTold()).toBe(0);
      expect(await store.tellContracts(0, 2, [message()])).toBe(true);
      expect(await store.tellContracts(0, 3, [message()])).toBe(false);
      expect([await store.contractsTold(), await left()]).toEqual([2, 1]);
    });

    test('applied numbers are forgotten beyond those kept', async () => {
      await store.receive([1, 2, 3, 4].map((number) => batch(number)));
      await commit(4);
      expect(await store.prune(3)).toBe(1);
      expect(await store.receive([batch(1, 99)])).toBe(4);
      await expect(store.receive([batch(2, 99)])).rejects.toThrow(LineContradiction);
    });
  });
}
