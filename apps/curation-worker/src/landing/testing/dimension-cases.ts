import type { DimensionEntry } from '../../dimensions/model';
import type { Fence, LandingStore, ManifestRow } from '../port';

/** What the cases need of the suite that they are part of. */
export interface CaseSuite {
  store(): LandingStore;
  /** A new one each time. */
  batchId(): number;
  manifest(batchId: number): ManifestRow;
  fence(batchId: number): Fence;
}

/** What the landing store promises of dimensions. */
export function dimensionCases(suite: CaseSuite): void {
  test('a dimension moves from one version to the next, and of two loads at once one is the next', async () => {
    const entry = (version: number): DimensionEntry => ({
      ...{ tenant: 't', name: 'carriers', version, path: `dimensions/${version}`, keyColumn: 'carrier' },
      ...{ attributes: [{ name: 'since', type: 'long' }], keys: version, loadedAt: '2026-01-01T00:00:00.000Z' },
    });
    const load = async (version: number): Promise<boolean> => {
      const batchId = suite.batchId();
      const landing = await suite.store().begin();
      const set = await landing.setDimension(entry(version));
      if (!set) await landing.rollback();
      else {
        await landing.manifest({ ...suite.manifest(batchId), range: null });
        await landing.commit(suite.fence(batchId));
      }
      return set;
    };
    expect(await suite.store().dimension('t', 'carriers')).toBeNull();
    expect(await load(2)).toBe(false);
    expect((await Promise.all([load(1), load(1), load(1)])).sort()).toEqual([false, false, true]);
    expect((await Promise.all([load(2), load(2)])).sort()).toEqual([false, true]);
    expect(await load(1)).toBe(false);
    expect(await suite.store().dimension('t', 'carriers')).toEqual(entry(2));
    expect(await suite.store().dimension('u', 'carriers')).toBeNull();
    const abandoned = await suite.store().begin();
    expect(await abandoned.setDimension(entry(3))).toBe(true);
    await abandoned.rollback();
    expect(await suite.store().dimensions()).toEqual([entry(2)]);
  });
}
