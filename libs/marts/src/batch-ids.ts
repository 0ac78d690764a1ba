/**
 * SQL over `_batch_id`: whether it is one of these. Ids that follow each other are one range: of the batches of a line,
 * whose ids are given out in order, half a million are a few comparisons.
 */
export function isBatchOf(ids: readonly number[]): string {
  const runs: { from: bigint; to: bigint }[] = [];
  for (const id of [...ids].sort((a, b) => a - b).map(BigInt)) {
    const last = runs.at(-1);
    if (last && id <= last.to + 1n) last.to = id;
    else runs.push({ from: id, to: id });
  }
  const single = runs.filter(({ from, to }) => from === to).map(({ from }) => from);
  const ranges = runs.filter(({ from, to }) => from < to);
  const tests = ranges.map(({ from, to }) => `_batch_id BETWEEN ${from} AND ${to}`);
  if (single.length > 0) tests.push(`_batch_id IN (${single.join(', ')})`);
  return tests.length > 0 ? `(${tests.join(' OR ')})` : 'FALSE';
}
