import {
  type Claim,
  type Fence,
  type Landing,
  LandingError,
  type LandingStore,
  type ManifestRow,
  type QuarantineRow,
} from '../port';
import { contractCases } from './contract-cases';
import { dimensionCases } from './dimension-cases';

/** What the suite needs to know of a store beside its port. */
export interface StoreUnderTest {
  readonly store: LandingStore;
  quarantined(): Promise<readonly Pick<QuarantineRow, 'reason' | 'raw' | 'eventId' | 'headers' | 'sealedBy'>[]>;
  /** Committed batches in the order of their numbers. */
  landed(): Promise<readonly { readonly number: number; readonly batchId: number; readonly message: unknown }[]>;
  close(): Promise<void>;
}

const TOPIC = 'events.inbound';
const P0 = { topic: TOPIC, partition: '0' };
const P1 = { topic: TOPIC, partition: '1' };

const key = (n: number): string => n.toString(16).padStart(32, '0');
const claimOf = (n: number, fingerprint = '00000000000000aa'): Claim => ({
  key: key(n),
  fingerprint,
  windowDays: 30,
  eventDay: 20_000,
});

/** Runs the landing store's promises against an engine. */
export function landingStoreConformance(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`landing store: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LandingStore;
    let epoch: number;
    let index: number;
    let keysEpoch: number;
    let nextBatch: number;

    beforeEach(async () => {
      under = await make();
      store = under.store;
      epoch = await store.register('worker-a');
      const line = await store.line();
      index = line.contractsIndex;
      keysEpoch = line.keysEpoch;
      nextBatch = (await store.batchIds()).first;
      await store.take(P0, epoch, 0);
      await store.take(P1, epoch, 0);
    });
    afterEach(() => under.close());

    const fence = (batchId: number): Fence => ({ batchId, epoch, contractsIndex: index, keysEpoch });
    const manifest = (batchId: number, partition = P0, range = { from: 0, to: 10 }): ManifestRow => ({
      ...partition,
      batchId,
      epoch,
      range,
      landed: 10,
      duplicate: 0,
      quarantined: 0,
      stats: [],
      message: { files: [] },
    });
    const move = (landing: Landing, from: number, to: number, partition = P0, owner = epoch) =>
      landing.movePosition({ ...partition, epoch: owner, from, to, acceptedTo: '2026-01-01T00:00:00.000Z' });
    const land = async (from: number, to: number, claims: readonly Claim[], partition = P0): Promise<number> => {
      const batchId = nextBatch++;
      const landing = await store.begin();
      expect(await move(landing, from, to, partition)).toBe('moved');
      await landing.claim(claims, batchId);
      await landing.manifest(manifest(batchId, partition, { from, to }));
      return (await landing.commit(fence(batchId))).number;
    };

    test('numbers follow one another in the order of the commits, whatever was rolled back between them', async () => {
      const first = await land(0, 10, []);
      const abandoned = await store.begin();
      await move(abandoned, 10, 20);
      await abandoned.rollback();
      const second = await land(10, 20, []);
      const third = await land(0, 5, [], P1);
      expect([second, third]).toEqual([first + 1, first + 2]);
      expect((await under.landed()).map(({ number }) => number)).toEqual([first, second, third]);
      expect((await store.line()).next).toBe(third + 1);
    });

    test('a range lands once: a redelivery has been passed', async () => {
      await land(0, 10, []);
      const again = await store.begin();
      expect(await move(again, 0, 10)).toBe('passed');
      await again.rollback();
    });

    test('a range ahead of the position is a gap, as is one that begins before it and ends after it', async () => {
      await land(0, 10, []);
      for (const [from, to] of [
        [20, 30],
        [5, 15],
      ] as const) {
        const landing = await store.begin();
        expect(await move(landing, from, to)).toBe('gap');
        await landing.rollback();
      }
    });

    test('whoever took the partition over is its only owner', async () => {
      const other = await store.register('worker-b');
      await store.take(P0, other, 0);
      const late = await store.begin();
      expect(await move(late, 0, 10)).toBe('not_owner');
      await late.rollback();
      const owner = await store.begin();
      expect(await move(owner, 0, 10, P0, other)).toBe('moved');
      await owner.rollback();
    });

    test('a claimed key is reported with its batch and its fingerprint, free ones are not', async () => {
      await land(0, 10, [claimOf(1, 'ffffffffffffff01'), claimOf(2)]);
      const holder = nextBatch - 1;
      const landing = await store.begin();
      await move(landing, 10, 20);
      const held = await landing.claim([claimOf(3), claimOf(1), claimOf(0xffff_ffff)], nextBatch);
      expect([...held]).toEqual([
        [key(1), expect.objectContaining({ batchId: holder, fingerprint: 'ffffffffffffff01' })],
      ]);
      await landing.rollback();
    });

    test('a claim that was rolled back is free again', async () => {
      const abandoned = await store.begin();
      await move(abandoned, 0, 10);
      await abandoned.claim([claimOf(7)], nextBatch);
      await abandoned.rollback();
      const landing = await store.begin();
      expect((await landing.claim([claimOf(7)], nextBatch)).size).toBe(0);
      await landing.rollback();
    });

    test('a claim that was given up is free for others, and only claims of the landing itself can be', async () => {
      await land(0, 10, [claimOf(1)]);
      const batchId = nextBatch++;
      const landing = await store.begin();
      await move(landing, 10, 20);
      await landing.claim([claimOf(1), claimOf(2), claimOf(3)], batchId);
      await landing.release([key(1), key(2)], batchId);
      await landing.manifest(manifest(batchId));
      await landing.commit(fence(batchId));
      const next = await store.begin();
      await move(next, 20, 30);
      expect([...(await next.claim([claimOf(1), claimOf(2), claimOf(3)], nextBatch)).keys()].sort()).toEqual([
        key(1),
        key(3),
      ]);
      await next.rollback();
    });

    test('of two landings under way that claim one key, one lands it and the other learns so', async () => {
      const [one, two] = [nextBatch++, nextBatch++];
      const claims = Array.from({ length: 300 }, (_, n) => claimOf(n));
      const run = async (partition: typeof P0, batchId: number, mine: readonly Claim[]): Promise<number> => {
        const landing = await store.begin();
        await move(landing, 0, 10, partition);
        const held = await landing.claim(mine, batchId);
        await landing.manifest(manifest(batchId, partition));
        await landing.commit(fence(batchId));
        return mine.length - held.size;
      };
      const [a, b] = await Promise.all([run(P0, one, claims), run(P1, two, [...claims].reverse())]);
      expect(a + b).toBe(claims.length);
      expect([a, b].sort((x, y) => x - y)).toEqual([0, claims.length]);
    });

    contractCases({ store: () => store, batchId: () => nextBatch++, manifest, fence }, () => under.landed());

    test('the number of a landing can be asked for afterwards', async () => {
      const number = await land(0, 10, []);
      expect(await store.numberOf(P0, nextBatch - 1)).toBe(number);
      expect(await store.numberOf(P0, nextBatch)).toBeNull();
    });

    test('the contracts index of the line never falls', async () => {
      await store.adoptContracts(index + 3, 30);
      await store.adoptContracts(index + 1, 30);
      expect((await store.line()).contractsIndex).toBe(index + 3);
    });

    test('a dead epoch lands nothing', async () => {
      await store.retire(epoch);
      expect(await store.heartbeat(epoch)).toBe(false);
      const landing = await store.begin();
      await move(landing, 0, 10);
      await landing.manifest(manifest(nextBatch));
      await expect(landing.commit(fence(nextBatch))).rejects.toThrow(LandingError);
      await landing.rollback();
      expect(await under.landed()).toEqual([]);
    });

    test('quarantined bytes come back as they went in, and unstorable names do no harm', async () => {
      const raw = Buffer.from([0, 1, 0xff, 0xfe, 0x5c, 0x0a, 0x09, 0xc3, 0x28]);
      const headers = { format: 'event', tenant: 't', source: 's', at: '2026-01-01T00:00:00.000Z' } as const;
      const row: QuarantineRow = {
        ...P0,
        groupId: '0123456789abcdef',
        reason: 'invalid_utf8',
        rule: 'an item is UTF-8',
        path: '$',
        groupRule: 'an item is UTF-8',
        groupPath: '$',
        groupEventType: null,
        contract: null,
        contractVersion: null,
        eventType: 'a\ud800b',
        eventId: 'nul\0inside',
        tenant: 't',
        source: 's',
        acceptedAt: headers.at,
        offset: 3,
        attempts: 1,
        batchId: nextBatch,
        rawPart: 'raw/part',
        rawLine: 1,
        headers,
        ingestionId: 'r-1',
        ...{ raw, sealedBy: 'd2026-11-21' },
      };
      const landing = await store.begin();
      await move(landing, 0, 10);
      await landing.quarantine([row, { ...row, offset: 4, raw: Buffer.alloc(0) }]);
      await landing.manifest(manifest(nextBatch));
      await landing.commit(fence(nextBatch));
      const rows = await under.quarantined();
      expect(rows.map((r) => r.raw)).toEqual([raw, Buffer.alloc(0)]);
      expect(rows[0]).toMatchObject({ headers, sealedBy: 'd2026-11-21' });
    });

    test('a takeover counts at an unmoved position only, and only after a batch was tried', async () => {
      const second = await store.register('worker-b');
      expect(await store.take(P0, second, 0)).toEqual({ next: 0, attempts: 1, suspectTo: null });
      expect(await store.take(P0, epoch, 0)).toMatchObject({ attempts: 1 });
      expect(await store.note(P0, epoch, 0, 800)).toBe(true);
      expect(await store.take(P0, second, 0)).toEqual({ next: 0, attempts: 2, suspectTo: 800 });
      expect(await store.note(P0, epoch, 0, 1)).toBe(false);
      expect(await store.note(P0, second, 0, 400)).toBe(true);
      expect(await store.take(P0, epoch, 0)).toEqual({ next: 0, attempts: 3, suspectTo: 400 });
    });

    test('a landing clears the attempts, and the suspicion once it is passed', async () => {
      await store.take(P0, epoch, 0);
      await store.note(P0, epoch, 0, 20);
      await store.take(P0, epoch, 0);
      await land(0, 10, []);
      expect(await store.take(P0, epoch, 0)).toEqual({ next: 10, attempts: 1, suspectTo: 20 });
      await land(10, 20, []);
      expect(await store.take(P0, epoch, 0)).toEqual({ next: 20, attempts: 1, suspectTo: null });
    });

    test('a message without a position lands once', async () => {
      const land = async (ids: string[]): Promise<boolean> => {
        const batchId = nextBatch++;
        const landing = await store.begin();
        const entered = await landing.enterInbox(TOPIC, ids, batchId);
        if (!entered) await landing.rollback();
        else {
          await landing.manifest({ ...manifest(batchId), range: null });
          await landing.commit(fence(batchId));
        }
        return entered;
      };
      expect(await land(['m1', 'm2'])).toBe(true);
      expect(await land(['m2', 'm3'])).toBe(false);
      expect(await store.seen(TOPIC, ['m1', 'm2', 'm3'])).toEqual(new Set(['m1', 'm2']));
    });

    dimensionCases({ store: () => store, batchId: () => nextBatch++, manifest, fence });

    test('batch ids never repeat', async () => {
      const ids = new Set<number>();
      const blocks = await Promise.all(Array.from({ length: 5 }, () => store.batchIds()));
      for (const { first, count } of blocks) for (let i = 0; i < count; i++) ids.add(first + i);
      expect(ids.size).toBe(blocks.reduce((sum, block) => sum + block.count, 0));
    });
  });
}
