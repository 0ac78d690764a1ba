/**
 * Finds all elements that keep a list from being acceptable, by halving: log2(n) tries for each. The elements are
 * independent: a list is acceptable when each of its elements is.
 *
 * @returns indices of the bad ones, ascending
 */
export async function bisect<T>(
  items: readonly T[],
  acceptable: (some: readonly T[]) => Promise<boolean>,
): Promise<number[]> {
  const bad: number[] = [];
  /** `knownBad`: something in the range is bad, so one half need not be tried once the other has been found good. */
  async function search(from: number, to: number, knownBad: boolean): Promise<boolean> {
    if (to === from) return true;
    if (!knownBad && (await acceptable(items.slice(from, to)))) return true;
    if (to - from === 1) {
      bad.push(from);
      return false;
    }
    const middle = (from + to) >>> 1;
    const leftGood = await search(from, middle, false);
    await search(middle, to, leftGood);
    return false;
  }
  await search(0, items.length, false);
  return bad;
}
