import { foldProfile, mergeHistories, OTHER_SOURCES, type ProfileHistory } from '@millrace/contracts/profile';
import type { BatchStaged, EventProfile } from '@millrace/topics';
import { KINDS_MAX, type Observed } from './port';

/** What the batches of a range say of their events, each kind once. */
export function observedIn(batches: readonly Pick<BatchStaged, 'profiles' | 'landedAt'>[]): Observed[] {
  const found = new Map<string, Observed>();
  for (const { profiles = [], landedAt } of batches) {
    for (const profile of profiles) {
      const kind = kindOf(profile, landedAt.slice(0, 10));
      const key = keyOf(kind);
      found.set(key, { ...kind, history: foldProfile(found.get(key)?.history ?? null, profile, landedAt) });
    }
  }
  return [...found.values()];
}

function kindOf({ tenant, source, eventType, contract }: EventProfile, day: string): Omit<Observed, 'history'> {
  const at = contract?.lastIndexOf('@') ?? -1;
  const [name, version] = contract === null ? ['', ''] : [contract.slice(0, at), contract.slice(at + 1)];
  return { tenant, eventType, contract: name, version, source, day };
}

/** Equal for one kind on one day. */
export const keyOf = ({ tenant, eventType, contract, version, source, day }: Omit<Observed, 'history'>): string =>
  JSON.stringify([tenant, eventType, contract, version, source, day]);

/** What is known of kinds with more of them. */
export const added = (known: ProfileHistory | undefined, more: ProfileHistory): ProfileHistory =>
  known ? mergeHistories([known, more]) : more;

/** The same, where its source is not told apart. */
export const ofOtherSources = (kind: Observed): Observed => ({ ...kind, source: OTHER_SOURCES });

/**
 * As what a kind is kept that was not seen on its day before: as itself, or with other sources, so that a tenant of many
 * sources still has the profiles of all its types, or as one of those beyond the limit.
 *
 * @param left how many more kinds the day may have
 * @param isKnown whether a kind is kept already
 */
export function keptAs(kind: Observed, left: number, isKnown: (kind: Observed) => boolean): Observed {
  if (isKnown(kind) || left > KINDS_MAX / 2) return kind;
  const other = ofOtherSources(kind);
  return isKnown(other) || left > 0 ? other : beyondLimit(kind);
}

/** The kind that stands for those beyond the limit: only their number is kept. */
export const beyondLimit = ({ history, ...kind }: Observed): Observed => ({
  ...{ ...kind, eventType: '', contract: '', version: '', source: '' },
  history: { ...history, fields: [] },
});
