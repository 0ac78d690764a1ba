import type { CountRow } from '@millrace/messaging';
import type { FateCount } from '@millrace/topics';
import type { Outcome } from './outcome';
import type { MicroBatch, Origin, Received } from './received';

type Tally = { -readonly [K in keyof FateCount]: FateCount[K] };

/**
 * Fates by tenant, source and accept hour: the keys of the inbound headers' counts. What waits has none yet.
 *
 * @param healing the items were counted as quarantined before, and that is taken back
 */
export function countFates(items: readonly Received[], outcomes: readonly Outcome[], healing = false): FateCount[] {
  const rows = new Map<string, Tally>();
  let last: { origin: Origin; row: Tally } | null = null;
  items.forEach(({ origin }, i) => {
    if (last?.origin !== origin) {
      const { tenant, source } = origin.headers;
      const key = countKey(tenant, source, origin.hour);
      let row = rows.get(key);
      if (!row) rows.set(key, (row = { tenant, source, hour: origin.hour, landed: 0, duplicate: 0, quarantined: 0 }));
      last = { origin, row };
    }
    const { fate } = outcomes[i];
    if (fate !== 'waiting') last.row[fate]++;
    if (healing) last.row.quarantined--;
  });
  return [...rows.values()].filter((row) => row.landed !== 0 || row.duplicate !== 0 || row.quarantined !== 0);
}

const countKey = (tenant: string, source: string, hour: string): string => JSON.stringify([tenant, source, hour]);

/** A stored batch whose header does not say what its records say. Landing it would unbalance the books. */
export class CountMismatch extends Error {
  readonly code = 'COUNT_MISMATCH';
}

/**
 * Asserts that the header of each whole batch counts its records' headers. Together with `countFates`, which gives each
 * item one fate under its own header, header counts then equal the sum of fates.
 *
 * @throws CountMismatch
 */
export function assertCounts(batch: MicroBatch): void {
  for (const { counts, start, end } of batch.wholeBatches) {
    const found = new Map<string, number>();
    let last: Origin | null = null;
    let key = '';
    for (let i = start; i < end; i++) {
      const { origin } = batch.items[i];
      if (origin !== last) {
        last = origin;
        key = countKey(origin.headers.tenant, origin.headers.source, origin.hour);
      }
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    const stated = sumOf(counts);
    for (const name of new Set([...found.keys(), ...stated.keys()])) {
      if (found.get(name) !== stated.get(name)) {
        throw new CountMismatch(
          `a batch at offset ${batch.items[start]?.offset} counts ${stated.get(name) ?? 0} items of ${name}, and holds ${found.get(name) ?? 0}`,
        );
      }
    }
  }
}

function sumOf(counts: readonly CountRow[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { tenant, source, hour, count } of counts) {
    if (count === 0) continue;
    const ms = Date.parse(hour);
    const key = countKey(tenant, source, Number.isNaN(ms) ? hour : new Date(ms).toISOString());
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
  return sums;
}
