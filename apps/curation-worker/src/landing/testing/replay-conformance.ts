import type { Job, ReplayStore } from '../../replay/port';
import type { Landing, LandingStore, QuarantineRow, ReplayEntry, SettledRow, WaitingRow } from '../port';

/** What the suite needs to know beside the ports. */
export interface ReplaysUnderTest {
  readonly store: LandingStore;
  readonly replays: ReplayStore;
  /** All rows of the quarantine, by id. */
  rows(): Promise<readonly { id: number; status: string; reason: string; healedAs: string | null }[]>;
  close(): Promise<void>;
}

const TENANT = 't';
const HEADERS = { format: 'event', tenant: TENANT, source: 's', at: '2026-01-01T00:00:00.000Z' } as const;
const GROUP = '0123456789abcdef';

const rowOf = (n: number): QuarantineRow => ({
  ...{ groupId: GROUP, reason: 'unknown_value', rule: 'a rule', path: '$.payload.x' },
  ...{ groupRule: 'a rule', groupPath: '$.payload.x', groupEventType: 'e', contract: null, contractVersion: null },
  ...{ eventType: 'e', eventId: `e${n}`, tenant: TENANT, source: 's', acceptedAt: HEADERS.at, topic: 'events.inbound' },
  ...{ partition: '0', offset: n, attempts: 1, batchId: 1, rawPart: 'raw/part', rawLine: n + 1, headers: HEADERS },
  ...{ ingestionId: 'r', raw: Buffer.from(`{"n":${n}}`), sealedBy: n % 2 === 0 ? null : 's1' },
});

const waitingOf = (n: number, retryInMs: number): WaitingRow => {
  const { tenant, source, eventId, eventType, acceptedAt, topic, partition, offset, batchId, rawPart, rawLine } =
    rowOf(n);
  const { headers, ingestionId, raw, sealedBy } = rowOf(n);
  return {
    ...{ tenant, source, eventId, eventType, acceptedAt, topic, partition, offset, batchId, rawPart, rawLine },
    ...{ headers, ingestionId, raw, sealedBy, error: 'it fails', retryInMs },
  };
};

const healed = (id: number, healedAs: 'landed' | 'duplicate' = 'landed'): SettledRow => ({
  ...{ id, healedAs, again: null, mended: null },
});

/** Runs what is promised of replays against an engine. */
export function replayConformance(name: string, make: () => Promise<ReplaysUnderTest>): void {
  describe(`replays: ${name}`, () => {
    let under: ReplaysUnderTest;
    let store: LandingStore;
    let replays: ReplayStore;
    let epoch: number;
    let batchId: number;

    beforeEach(async () => {
      under = await make();
      ({ store, replays } = under);
      epoch = await store.register('worker-a');
      batchId = (await store.batchIds()).first;
    });
    afterEach(() => under.close());

    const commit = async (landing: Landing): Promise<void> => {
      const { contractsIndex, keysEpoch } = await store.line();
      await landing.manifest({
        ...{ batchId, epoch, topic: 'quarantine', partition: 'replay', range: null },
        ...{ landed: 0, duplicate: 0, quarantined: 0, stats: [], message: { files: [] } },
      });
      await landing.commit({ batchId: batchId++, epoch, contractsIndex, keysEpoch });
    };
    const quarantine = async (count: number): Promise<number[]> => {
      const landing = await store.begin();
      await landing.quarantine(Array.from({ length: count }, (_, n) => rowOf(n)));
      await commit(landing);
      return (await under.rows()).map(({ id }) => id);
    };
    const entryOf = (ids: readonly number[], job: ReplayEntry['job'] = null): ReplayEntry => ({
      ...{ from: 'quarantine', ids, job },
    });
    const replay = async (entry: ReplayEntry, settle: (id: number) => SettledRow): Promise<number[] | 'over'> => {
      const landing = await store.begin();
      const left = await landing.enterReplay(entry);
      if (left === 'over') {
        await landing.rollback();
        return left;
      }
      await landing.settleReplay(
        [...left].map((id) => settle(id)),
        batchId,
      );
      await commit(landing);
      return [...left];
    };
    const statuses = async (): Promise<string[]> => (await under.rows()).map(({ status }) => status);
    const newJob = (selection = {}): Promise<Job> =>
      replays.create({ tenant: TENANT, selection, recipe: null, rate: 1_000, createdBy: 'me' });

    test('of two replays of the same rows at once one takes each row, and the other is told so', async () => {
      const ids = await quarantine(20);
      const both = await Promise.all([replay(entryOf(ids), healed), replay(entryOf([...ids].reverse()), healed)]);
      expect(both.flat().sort()).toEqual([...ids].sort());
      expect(both.map((left) => left.length).sort((a, b) => Number(a) - Number(b))).toEqual([0, 20]);
      expect(new Set(await statuses())).toEqual(new Set(['replayed']));
    });

    test('a replay that is rolled back has taken nothing', async () => {
      const ids = await quarantine(2);
      const job = await newJob();
      await replays.running(epoch);
      const landing = await store.begin();
      await landing.enterReplay(entryOf(ids, { id: job.id, epoch, after: 0, upTo: ids[1] }));
      await landing.settleReplay(
        ids.map((id) => healed(id)),
        batchId,
      );
      await landing.rollback();
      expect(await statuses()).toEqual(['open', 'open']);
      expect(await replays.get(TENANT, job.id)).toMatchObject({ cursor: 0, landed: 0 });
    });

    test('what fails again stays, for its new cause; what is a duplicate by now does not', async () => {
      const ids = await quarantine(3);
      const { groupId: _group, ...cause } = rowOf(0);
      const again = { ...cause, groupId: 'fedcba9876543210', reason: 'missing_required' };
      const fates: SettledRow[] = [
        healed(ids[0]),
        healed(ids[1], 'duplicate'),
        { ...healed(ids[2]), healedAs: null, again },
      ];
      await replay(entryOf(ids), (id) => fates[ids.indexOf(id)]);
      expect(await under.rows()).toEqual([
        { id: ids[0], status: 'replayed', reason: 'unknown_value', healedAs: 'landed' },
        { id: ids[1], status: 'replayed', reason: 'unknown_value', healedAs: 'duplicate' },
        { id: ids[2], status: 'open', reason: 'missing_required', healedAs: null },
      ]);
    });

    test('a job counts what landed with it, moves once past each row, and ends once', async () => {
      const ids = await quarantine(5);
      const job = await newJob({ group: GROUP });
      expect(job).toMatchObject({ state: 'running', selected: 5, upperId: ids[4], cursor: 0 });
      expect(await replays.running(epoch)).toMatchObject([{ id: job.id }]);
      const items = await replays.items(job, 3, 1 << 20);
      expect(items.map(({ id }) => id)).toEqual(ids.slice(0, 3));
      expect(items[0]).toMatchObject({ raw: rowOf(0).raw, headers: HEADERS, ingestionId: 'r', rawLine: 1 });
      const first = { id: job.id, epoch, after: 0, upTo: ids[2] };
      expect(await replays.note(job.id, epoch, ids[2])).toBe(true);
      expect(await replay(entryOf(ids.slice(0, 3), first), healed)).toHaveLength(3);
      expect(await replay(entryOf(ids.slice(0, 3), first), healed)).toBe('over');
      const skipped = [{ id: ids[3], failure: 'the recipe threw' }];
      const rest: ReplayEntry = { ...entryOf([], { id: job.id, epoch, after: ids[2], upTo: ids[4] }), skipped };
      expect(await replays.pass(rest)).toBe(true);
      expect(await replays.pass(rest)).toBe(false);
      expect(await replays.finish(job.id, epoch)).toMatchObject({
        ...{ state: 'done', landed: 3, duplicate: 0, failed: 1, cursor: ids[4] },
        failures: [{ cause: 'the recipe threw', group: null, count: 1, samples: [String(ids[3])] }],
      });
      expect(await replays.finish(job.id, epoch)).toBeNull();
      expect(await replays.running(epoch)).toEqual([]);
      expect(await statuses()).toEqual(['replayed', 'replayed', 'replayed', 'open', 'open']);
    });

    test('of a cancelled job nothing lands any more', async () => {
      const ids = await quarantine(2);
      const job = await newJob();
      await replays.running(epoch);
      expect(await replays.cancel('another', job.id, 'me')).toBeNull();
      expect(await replays.cancel(TENANT, job.id, 'me')).toMatchObject({ state: 'cancelled', endedBy: 'me' });
      expect(await replay(entryOf(ids, { id: job.id, epoch, after: 0, upTo: ids[1] }), healed)).toBe('over');
      expect(await statuses()).toEqual(['open', 'open']);
    });

    test("a job is its worker's until that is dead; its unfinished try narrows the next ones", async () => {
      const ids = await quarantine(4);
      const job = await newJob();
      await replays.running(epoch);
      await replays.note(job.id, epoch, ids[3]);
      const other = await store.register('worker-b');
      expect(await replays.running(other)).toEqual([]);
      await store.retire(epoch);
      expect(await replays.running(other)).toMatchObject([{ id: job.id, attempts: 1, suspectTo: ids[3] }]);
      expect(await replays.note(job.id, epoch, ids[3])).toBe(false);
      epoch = other;
      await replay(entryOf([ids[0]], { id: job.id, epoch, after: 0, upTo: ids[0] }), healed);
      expect(await replays.running(epoch)).toMatchObject([{ attempts: 1, suspectTo: ids[3] }]);
      await replay(entryOf(ids.slice(1), { id: job.id, epoch, after: ids[0], upTo: ids[3] }), healed);
      expect(await replays.running(epoch)).toMatchObject([{ attempts: 0, suspectTo: null }]);
    });

    test('an event that waits is due after its time, is taken by one worker, and leaves with its landing', async () => {
      const landing = await store.begin();
      await landing.wait([waitingOf(1, -1_000), waitingOf(2, 3_600_000)]);
      await commit(landing);
      const other = await store.register('worker-b');
      const due = await replays.takeWaiting(epoch);
      expect(due).toMatchObject({
        eventId: 'e1',
        raw: rowOf(1).raw,
        attempts: 0,
        interrupted: 0,
        lastError: 'it fails',
      });
      const id = due?.id as number;
      expect(await replays.takeWaiting(other)).toBeNull();
      // Its own, which it could not give back: the store was away.
      expect(await replays.takeWaiting(epoch)).toMatchObject({ id, attempts: 0, interrupted: 1 });
      await replays.waitAgain(id, epoch, 'again', -1_000);
      expect(await replays.takeWaiting(epoch)).toMatchObject({ id, attempts: 1, interrupted: 1, lastError: 'again' });
      await store.retire(epoch);
      expect(await replays.takeWaiting(other)).toMatchObject({ id, attempts: 1, interrupted: 2 });
      epoch = other;
      const retry = await store.begin();
      expect([...((await retry.enterReplay({ from: 'waiting', ids: [id], job: null })) as Set<number>)]).toEqual([id]);
      await commit(retry);
      const late = await store.begin();
      expect(await late.enterReplay({ from: 'waiting', ids: [id], job: null })).toEqual(new Set());
      await late.rollback();
    });
  });
}
