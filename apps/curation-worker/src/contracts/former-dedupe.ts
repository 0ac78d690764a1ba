import { CONTRACT_INDEX_PREFIX, contractIndexOf, contractIndexPath, type Dedupe } from '@millrace/contracts';
import type { Storage } from '@millrace/storage';
import { DEFAULT_DEDUPE } from '../claims/claim-key';
import type { ContractInForce, FormerDedupe } from './in-force';

/**
 * How events were deduplicated up to an index, by event type: what was in force there, and every other way of the time
 * before with the end of its claims. Immutable as indexes are, so the next index adds one step to it.
 */
export interface DedupeHistory {
  readonly index: number;
  readonly inForce: ReadonlyMap<string, Dedupe>;
  /** Of the same way at several times the latest counts. The way in force may be among them. */
  readonly replaced: ReadonlyMap<string, readonly FormerDedupe[]>;
}

/** Contracts of an index, as far as they can still be used. */
export type LoadIndex = (index: number) => Promise<readonly ContractInForce[]>;

const DAY_MS = 86_400_000;
/** Longest window that a change is remembered for. */
const WINDOW_DAYS_MAX = 400;
/** Indexes that are read at once. */
const READS_MAX = 8;

/**
 * The history up to an index. Claims made under a way are kept for their window from the day of the change, which is when
 * the next index was written. Indexes that were replaced longer ago than any window are not looked at.
 *
 * @param known of an earlier index: then only those since are read
 */
export async function dedupeHistory(
  storage: Pick<Storage, 'list'>,
  index: number,
  contracts: readonly ContractInForce[],
  load: LoadIndex,
  known: DedupeHistory | null = null,
): Promise<DedupeHistory> {
  const written = await writtenAt(storage, known?.index ?? 0, index);
  const newestMs = written.get(index) ?? 0;
  const steps = [...written.keys()].filter(
    (step) => step < index && (written.get(step + 1) ?? Infinity) + WINDOW_DAYS_MAX * DAY_MS >= newestMs,
  );
  const replaced = new Map(known?.replaced);
  const first = known && known.index < index ? { at: known.index, ways: known.inForce } : null;
  let before = first;
  for (let i = 0; i < steps.length; i += READS_MAX) {
    const some = steps.slice(i, i + READS_MAX);
    const read = await Promise.all(some.map(async (at) => ({ at, ways: dedupesOf(await load(at)) })));
    for (const next of read) {
      if (before) replace(replaced, before, next.ways, written);
      before = next;
    }
  }
  const inForce = dedupesOf(contracts);
  if (before) replace(replaced, before, inForce, written);
  return { index, inForce, replaced };
}

/** Ways in which events were deduplicated before, where they differ from now. */
export function formerDedupes({ inForce, replaced }: DedupeHistory): ReadonlyMap<string, readonly FormerDedupe[]> {
  const former = new Map<string, readonly FormerDedupe[]>();
  for (const [type, ways] of replaced) {
    const now = inForce.get(type) ?? DEFAULT_DEDUPE;
    const others = ways.filter(({ dedupe }) => !sameKeys(dedupe, now));
    if (others.length > 0) former.set(type, others);
  }
  return former;
}

/** When indexes were written, ms since the epoch, in their order: those after `after`, `to` at most. */
async function writtenAt(storage: Pick<Storage, 'list'>, after: number, to: number): Promise<Map<number, number>> {
  const written = new Map<number, number>();
  const options = after > 0 ? { startAfter: contractIndexPath(after) } : undefined;
  for await (const { path, modifiedAt } of storage.list(CONTRACT_INDEX_PREFIX, options)) {
    const number = contractIndexOf(path);
    if (number !== null && number <= to) written.set(number, modifiedAt.getTime());
  }
  return written;
}

/** Notes what the next index replaced. */
function replace(
  replaced: Map<string, readonly FormerDedupe[]>,
  { at, ways }: { readonly at: number; readonly ways: ReadonlyMap<string, Dedupe> },
  next: ReadonlyMap<string, Dedupe>,
  written: ReadonlyMap<number, number>,
): void {
  const replacedMs = written.get(at + 1);
  if (replacedMs === undefined) return;
  const note = (type: string, dedupe: Dedupe, now: Dedupe): void => {
    if (sameKeys(dedupe, now)) return;
    const others = (replaced.get(type) ?? []).filter((one) => !sameKeys(one.dedupe, dedupe));
    replaced.set(type, [...others, { dedupe, untilMs: replacedMs + dedupe.windowDays * DAY_MS }]);
  };
  for (const [type, dedupe] of ways) note(type, dedupe, next.get(type) ?? DEFAULT_DEDUPE);
  for (const [type, now] of next) if (!ways.has(type)) note(type, DEFAULT_DEDUPE, now);
}

function dedupesOf(contracts: readonly ContractInForce[]): Map<string, Dedupe> {
  const dedupes = new Map<string, Dedupe>();
  for (const { compiled } of contracts) for (const type of compiled.eventTypes) dedupes.set(type, compiled.dedupe);
  return dedupes;
}

/** Whether two ways give an event the same key. */
function sameKeys(a: Dedupe, b: Dedupe): boolean {
  const identity = ({ strategy, scope, paths }: Dedupe): string => JSON.stringify([strategy, scope, paths ?? []]);
  return a === b || identity(a) === identity(b);
}
