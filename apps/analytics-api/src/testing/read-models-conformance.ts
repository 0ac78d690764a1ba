import type { BatchStaged, TablesChanged } from '@millrace/topics';
import fc from 'fast-check';
import type { ReadModels } from '../projection/read-models';

const LINE = 'line-1';
const HOUR = '2026-01-01T10:00:00.000Z';
const TOPIC = 'events.inbound';

/** One instance's view of read models. */
export interface ModelsUnderTest {
  readonly models: ReadModels;
  /** Another instance over the same. */
  readonly other: ReadModels;
  close(): Promise<void>;
}

/** Runs what is promised of read models against an engine. */
export function readModelsConformance(name: string, make: () => Promise<ModelsUnderTest>): void {
  describe(`read models: ${name}`, () => {
    let under: ModelsUnderTest;
    let models: ReadModels;

    beforeEach(async () => {
      under = await make();
      models = under.models;
    });
    afterEach(() => under.close());

    const range = (from: number, to: number, count = to - from) => ({
      from,
      to,
      counts: [{ tenant: 't', source: 'http', hour: HOUR, count }],
    });
    const receive = (...batches: ReturnType<typeof range>[]) => models.countReceived(TOPIC, '0', batches);
    const batch = (
      number: number,
      from: number,
      to: number,
      fates = { landed: to - from, duplicate: 0, quarantined: 0 },
    ): BatchStaged => ({
      lineId: LINE,
      number,
      batchId: number * 10,
      topic: TOPIC,
      partition: '0',
      range: { from, to },
      landedAt: '2026-01-01T10:00:01.000Z',
      acceptedFrom: HOUR,
      acceptedTo: HOUR,
      contractsIndex: 1,
      files: [],
      counts: [{ tenant: 't', source: 'http', hour: HOUR, ...fates }],
    });
    const commit = (
      from: number,
      number: number,
      catalogVersion: number,
      more: Partial<TablesChanged> = {},
    ): TablesChanged => ({
      lineId: LINE,
      from,
      number,
      catalogVersion,
      tables: { 'clean.events': catalogVersion },
      at: '2026-01-01T10:00:02.000Z',
      ...more,
    });
    const only = async () => (await models.conservation('t', null, null)).rows[0];

    test('receipts and fates are counted once, however often they are told', async () => {
      for (let i = 0; i < 3; i++) {
        await receive(range(0, 10));
        await models.countFates([batch(1, 0, 4, { landed: 2, duplicate: 1, quarantined: 1 })]);
      }
      await receive(range(10, 12));
      expect(await only()).toMatchObject({ received: 12, landed: 2, duplicate: 1, quarantined: 1, pending: 8 });
    });

    test('two instances that count the same at once count it once', async () => {
      const { other } = under;
      for (let i = 0; i < 20; i++) {
        await Promise.all([models, other, models].map((m) => m.countReceived(TOPIC, '0', [range(i * 5, i * 5 + 5)])));
        await Promise.all([models, other].map((m) => m.countFates([batch(i + 1, i * 5, i * 5 + 5)])));
      }
      expect(await only()).toMatchObject({ received: 100, landed: 100, pending: 0 });
    });

    test('a range that skips part of the log is refused, not counted over', async () => {
      await receive(range(0, 10));
      await expect(receive(range(12, 15))).rejects.toThrow('counted to 10');
      expect((await only()).received).toBe(10);
    });

    test('an instance that begins further back than another has counted goes on where that one is', async () => {
      await receive(range(0, 10), range(10, 20));
      await receive(range(0, 10), range(10, 20), range(20, 30));
      expect((await only()).received).toBe(30);
      // No batch is counted in part.
      await expect(receive(range(25, 35))).rejects.toThrow('counted to 30, was given [25, 35)');
    });

    test('fates of a retry, which has no range, do not show before its receipt', async () => {
      await models.countFates([{ ...batch(1, 0, 1), range: null }]);
      expect((await models.conservation('t', null, null)).behind).toBe(true);
      await receive(range(0, 3));
      expect(await models.conservation('t', null, null)).toMatchObject({ behind: false, rows: [{ pending: 2 }] });
    });

    test('what a replay takes out of quarantine does not show before it was put there', async () => {
      await receive(range(0, 3));
      const healing = { landed: 2, duplicate: 0, quarantined: -2 };
      await models.countFates([{ ...batch(2, 0, 0, healing), range: null }]);
      expect((await models.conservation('t', null, null)).behind).toBe(true);
      await models.countFates([batch(1, 0, 3, { landed: 0, duplicate: 0, quarantined: 3 })]);
      expect(await models.conservation('t', null, null)).toMatchObject({
        behind: false,
        rows: [{ received: 3, landed: 2, duplicate: 0, quarantined: 1, pending: 0 }],
      });
    });

    test('fates that overtake receipts are told apart from an answer', async () => {
      await receive(range(0, 2));
      await models.countFates([batch(1, 0, 5)]);
      expect((await models.conservation('t', null, null)).behind).toBe(true);
      await receive(range(2, 5));
      expect(await models.conservation('t', null, null)).toMatchObject({ behind: false, rows: [{ pending: 0 }] });
    });

    test('any order and repetition of batches gives the sums of the batches', async () => {
      let line = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ landed: fc.nat(9), duplicate: fc.nat(9), quarantined: fc.nat(9) }), {
            minLength: 1,
            maxLength: 6,
          }),
          fc.infiniteStream(fc.nat(1_000)),
          async (fates, order) => {
            const lineId = `line-p${line++}`;
            const source = lineId;
            const batches = fates.map((f, i) => ({
              ...batch(i + 1, i, i + 1, f),
              lineId,
              topic: lineId,
              counts: [{ tenant: 't', source, hour: HOUR, ...f }],
            }));
            const told = [...batches, ...batches].sort(() => (order.next().value as number) - 500);
            for (const each of told) await models.countFates([each]);
            const { rows } = await models.conservation('t', null, null);
            const row = rows.find((r) => r.source === source);
            for (const key of ['landed', 'duplicate', 'quarantined'] as const)
              expect(row?.[key]).toBe(fates.reduce((sum, f) => sum + f[key], 0));
          },
        ),
        { numRuns: 15 },
      );
    });

    test('a batch knows the commit that made it visible, also when an answer to a repetition came first', async () => {
      await models.countFates([batch(1, 0, 5), batch(2, 5, 9)]);
      expect((await models.places([10])).get(10)?.commit).toBeNull();
      await models.recordCommit(commit(3, 2, 8, { tables: {} }));
      await models.recordCommit(commit(1, 2, 8));
      await models.recordCommit(commit(1, 2, 8));
      expect((await models.places([10, 20, 30])).get(20)?.commit).toMatchObject({
        catalogVersion: 8,
        tables: { 'clean.events': 8 },
      });
      expect((await models.places([10, 20, 30])).size).toBe(2);
    });

    test('a commit of batches without rows is one, too', async () => {
      await models.countFates([batch(1, 0, 5, { landed: 0, duplicate: 5, quarantined: 0 })]);
      await models.recordCommit(commit(1, 1, 4, { tables: {} }));
      expect((await models.places([10])).get(10)?.commit).toMatchObject({ catalogVersion: 4 });
    });

    test('what has landed is known without gaps, in whatever order batches are told of', async () => {
      await models.countFates([batch(3, 9, 12)]);
      await models.countFates([batch(1, 0, 5)]);
      expect(await models.progress(LINE, TOPIC)).toEqual({ number: 1, landedTo: new Map([['0', 5]]) });
      await models.countFates([{ ...batch(2, 5, 9), range: null }]);
      expect(await models.progress(LINE, TOPIC)).toEqual({ number: 3, landedTo: new Map([['0', 12]]) });
      expect(await models.progress(null, TOPIC)).toEqual({ number: 3, landedTo: new Map([['0', 12]]) });
      expect(await models.visibleTo(LINE, TOPIC, 3)).toEqual(new Map([['0', 12]]));
      expect(await models.visibleTo(LINE, TOPIC, 2)).toEqual(new Map([['0', 9]]));
      expect(await models.visibleTo(LINE, TOPIC, 0)).toEqual(new Map([['0', 0]]));
      expect(await models.progress('another', TOPIC)).toMatchObject({ number: 0 });
    });

    test('a mart partition is dated by the first build that was made from the batch or later', async () => {
      const built = (number: number, version: number, catalogVersion: number) =>
        commit(number + 1, number, catalogVersion, {
          tables: { 'mart.x': version },
          rebuilt: { 'mart.x': { '2026-01-01': number + 2 } },
        });
      await models.recordCommit(built(8, 3, 7));
      await models.recordCommit(built(20, 4, 9));
      expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 10)).toMatchObject({ version: 3 });
      expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 11)).toMatchObject({ version: 4 });
      expect(await models.martBuild(LINE, 'mart.x', '2026-01-01', 23)).toBeNull();
      expect(await models.martBuild(LINE, 'mart.x', '2026-01-02', 1)).toBeNull();
    });

    test('pruning keeps the positions, and a batch that is told of again afterwards is not counted again', async () => {
      await receive(range(0, 9));
      await models.countFates([batch(1, 0, 5), batch(2, 5, 9)]);
      await models.recordCommit(commit(1, 1, 1));
      await models.recordCommit(commit(2, 2, 2));
      await models.prune(new Date('2027-01-01'));
      expect((await models.places([10])).size).toBe(0);
      expect(await models.progress(LINE, TOPIC)).toEqual({ number: 2, landedTo: new Map([['0', 9]]) });
      await models.countFates([batch(1, 0, 5)]);
      expect(await only()).toMatchObject({ received: 9, landed: 9, pending: 0 });
    });

    describe('the batches known at a time', () => {
      const at = (minute: number): string => new Date(Date.parse(HOUR) + minute * 60_000).toISOString();
      const known = (minute: number, upTo: number) => models.batchesKnownAt(LINE, new Date(at(minute)), upTo);
      /** Ids are taken in blocks: 3 lands under an old one. */
      const IDS = [33, 65, 1, 66];
      const land = (number: number, minute: number) =>
        models.countFates([{ ...batch(number, 0, 1), batchId: IDS[number - 1], landedAt: at(minute) }]);
      const commits = [commit(1, 2, 1, { at: at(1) }), commit(3, 3, 2, { at: at(5) }), commit(4, 4, 3, { at: at(9) })];

      test('are those of the newest commit until then, by ids', async () => {
        for (const [i] of IDS.entries()) await land(i + 1, 0);
        for (const each of commits) await models.recordCommit(each);
        expect(await known(0, 4)).toEqual({ number: 0, upTo: -1, except: [] });
        for (const minute of [1, 4]) expect(await known(minute, 4)).toEqual({ number: 2, upTo: 65, except: [1] });
        expect(await known(5, 4)).toEqual({ number: 3, upTo: 65, except: [] });
        expect(await known(60, 4)).toEqual({ number: 4, upTo: 66, except: [] });
      });

      test('are not known before all batches and commits that a catalog holds are', async () => {
        await land(1, 0);
        await land(2, 0);
        expect(await known(1, 2)).toBe('behind');
        await models.recordCommit(commits[0]);
        expect(await known(1, 2)).toMatchObject({ number: 2 });
        expect(await known(1, 3)).toBe('behind');
        await land(3, 2);
        expect(await known(1, 3)).toBe('behind');
        await land(4, 2);
        // The commit between them has not come yet.
        await models.recordCommit(commits[2]);
        expect(await known(6, 4)).toBe('behind');
        await models.recordCommit(commits[1]);
        expect(await known(6, 4)).toEqual({ number: 3, upTo: 65, except: [] });
      });

      test('stay known from a time on when everything before it is forgotten', async () => {
        for (const [i] of IDS.entries()) await land(i + 1, i * 2);
        for (const each of commits) await models.recordCommit(each);
        const before = [await known(6, 4), await known(8, 4), await known(9, 4)];
        await models.prune(new Date(at(6)));
        await models.prune(new Date(at(6)));
        expect([await known(6, 4), await known(8, 4), await known(9, 4)]).toEqual(before);
        expect(before[0]).toMatchObject({ number: 3, upTo: 65 });
        expect(await known(4, 4)).toBe('forgotten');
        expect((await models.places([33, 1])).size).toBe(0);
        // All is old, and yet the last commit holds.
        await models.prune(new Date('2027-01-01'));
        expect(await known(60, 4)).toEqual({ number: 4, upTo: 66, except: [] });
      });
    });

    test('of a partition that is built again and again the newest build stays', async () => {
      for (const number of [4, 7, 9]) {
        await models.recordCommit(
          commit(10, 9, number, { tables: { 'mart.x': number }, rebuilt: { 'mart.x': { d: number } } }),
        );
      }
      expect(await models.martBuild(LINE, 'mart.x', 'd', 5)).toMatchObject({ version: 7 });
      await models.prune(new Date('2027-01-01'));
      expect(await models.martBuild(LINE, 'mart.x', 'd', 5)).toMatchObject({ version: 9 });
      expect(await models.martBuild(LINE, 'mart.x', 'd', 10)).toBeNull();
    });
  });
}
