import { CONTRACT_INDEX_PREFIX, contractIndexOf, type Dedupe } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { DEFAULT_DEDUPE } from '../claims/claim-key';
import type { ContractInForce, FormerDedupe } from './in-force';

const DAY_MS = 86_400_000;

/**
 * By event type, how its events were deduplicated under earlier indexes where that differs from now. Claims made then are
 * kept for their window from the day of the change, which is when the next index was written. Indexes that were replaced
 * longer ago than any window are not looked at.
 *
 * @param load contracts of an earlier index, as far as they can still be used
 */
export async function formerDedupes(
  storage: Storage,
  index: number,
  contracts: readonly ContractInForce[],
  load: (index: number) => Promise<readonly ContractInForce[]>,
): Promise<ReadonlyMap<string, readonly FormerDedupe[]>> {
  const written = new Map<number, number>();
  for await (const { path, modifiedAt } of storage.list(CONTRACT_INDEX_PREFIX)) {
    const number = contractIndexOf(path);
    if (number !== null && number <= index) written.set(number, modifiedAt.getTime());
  }
  const newestMs = written.get(index) ?? 0;
  const now = dedupesOf(contracts);
  const former = new Map<string, FormerDedupe[]>();
  for (let before = index - 1; before >= 1; before--) {
    const replacedMs = written.get(before + 1);
    if (replacedMs === undefined || !written.has(before)) continue;
    if (replacedMs + WINDOW_DAYS_MAX * DAY_MS < newestMs) break;
    const then = dedupesOf(await load(before));
    for (const type of new Set([...now.keys(), ...then.keys()])) {
      const dedupe = then.get(type) ?? DEFAULT_DEDUPE;
      const list = former.get(type) ?? [];
      // Of the same way at several times the latest counts, and that was seen first.
      if (list.some((one) => sameKeys(one.dedupe, dedupe))) continue;
      if (sameKeys(dedupe, now.get(type) ?? DEFAULT_DEDUPE)) continue;
      former.set(type, [...list, { dedupe, untilMs: replacedMs + dedupe.windowDays * DAY_MS }]);
    }
  }
  return former;
}

/** Longest window that a change is remembered for. */
const WINDOW_DAYS_MAX = 400;

function dedupesOf(contracts: readonly ContractInForce[]): Map<string, Dedupe> {
  return new Map(
    contracts.flatMap(({ compiled }) => compiled.eventTypes.map((type): [string, Dedupe] => [type, compiled.dedupe])),
  );
}

/** Whether two ways give an event the same key. */
function sameKeys(a: Dedupe, b: Dedupe): boolean {
  const identity = ({ strategy, scope, paths }: Dedupe): string => JSON.stringify([strategy, scope, paths ?? []]);
  return identity(a) === identity(b);
}
