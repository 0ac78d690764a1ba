import type { Claim, Landing, LandingStore } from '../port';
import type { CaseSuite } from './dimension-cases';

const CLAIM: Claim = { key: '1'.padStart(32, '0'), fingerprint: '00000000000000aa', windowDays: 30, eventDay: 15_000 };
const WINDOW_DAYS = 30;

type LandedRows = () => Promise<
  readonly { readonly number: number; readonly batchId: number; readonly message: unknown }[]
>;

/** What the landing store promises of landings that meet newer contracts. */
export function contractCases(suite: CaseSuite, landed: LandedRows): void {
  const indexOf = async (store: LandingStore): Promise<number> => (await store.line()).contractsIndex;
  const adoptNext = async (store: LandingStore): Promise<number> => {
    const index = (await indexOf(store)) + 1;
    await store.adoptContracts(index, WINDOW_DAYS);
    return index;
  };
  const begin = async (batchId: number, range: { from: number; to: number }): Promise<Landing> => {
    const { topic, partition, epoch } = suite.manifest(batchId);
    const landing = await suite.store().begin();
    const move = { topic, partition, epoch, ...range, acceptedTo: '2026-01-01T00:00:00.000Z' };
    expect(await landing.movePosition(move)).toBe('moved');
    expect((await landing.claim([CLAIM], batchId)).size).toBe(0);
    return landing;
  };
  const FIRST = { from: 0, to: 10 };

  test('a landing under older contracts does not commit, and leaves nothing behind', async () => {
    const store = suite.store();
    const [batchId, next] = [suite.batchId(), suite.batchId()];
    const landing = await begin(batchId, FIRST);
    await landing.manifest(suite.manifest(batchId));
    const contractsIndex = await adoptNext(store);
    await expect(landing.commit(suite.fence(batchId))).rejects.toMatchObject({ code: 'LANDING_LINE_MOVED' });
    await landing.rollback();
    expect(await store.numberOf(suite.manifest(batchId), batchId)).toBeNull();
    const again = await begin(next, FIRST);
    await again.manifest(suite.manifest(next));
    await again.commit({ ...suite.fence(next), contractsIndex });
    expect((await landed()).map((row) => row.batchId)).toEqual([next]);
  });

  test('a landing that holds under newer contracts, too, says so and commits, however often they change', async () => {
    const store = suite.store();
    const batchId = suite.batchId();
    const landing = await begin(batchId, FIRST);
    for (let changes = 0; changes < 3; changes++) {
      const contractsIndex = await indexOf(store);
      await landing.manifest({ ...suite.manifest(batchId), message: { contractsIndex } });
      await adoptNext(store);
      const commit = landing.commit({ ...suite.fence(batchId), contractsIndex });
      await expect(commit).rejects.toMatchObject({ code: 'LANDING_LINE_MOVED' });
      await landing.keepAlive();
    }
    const contractsIndex = await indexOf(store);
    await landing.manifest({ ...suite.manifest(batchId), message: { contractsIndex } });
    const { number } = await landing.commit({ ...suite.fence(batchId), contractsIndex });
    expect(await store.numberOf(suite.manifest(batchId), batchId)).toBe(number);
    expect(await landed()).toMatchObject([{ batchId, number, message: { contractsIndex } }]);
    expect((await store.held([CLAIM.key])).get(CLAIM.key)?.batchId).toBe(batchId);
    // Nothing of it is held any more.
    const after = await suite.store().begin();
    const { topic, partition, epoch } = suite.manifest(batchId);
    expect(await after.movePosition({ topic, partition, epoch, from: 10, to: 20, acceptedTo: null })).toBe('moved');
    await after.rollback();
  });
}
