import type { Unreadable } from '../privacy/opener';

/** Why events of a job are still in quarantine, by cause. */
export interface ReplayFailure {
  readonly cause: string;
  /** The group that they are in now; null where nothing was found out about them, e.g. because a recipe threw. */
  readonly group: string | null;
  count: number;
  /** Ids of the first few. */
  readonly samples: string[];
}

/** Causes that a job names, at most; the last one stands for all others. */
const CAUSES_MAX = 50;
const SAMPLES_MAX = 5;
const CAUSE_CHARS_MAX = 500;
const OTHERS = 'other causes';

/** U+0000 and halves of surrogate pairs, which no jsonb holds. */
const UNSTORABLE = /[\0\ud800-\udfff]/gu;

/** Adds failures to those of a job. */
export function noteFailures(
  known: ReplayFailure[],
  more: readonly { readonly id: number; readonly cause: string; readonly group: string | null }[],
): void {
  for (const { id, group, cause: said } of more) {
    const cause = said.slice(0, CAUSE_CHARS_MAX).replace(UNSTORABLE, '\ufffd');
    const found =
      known.find((failure) => failure.cause === cause && failure.group === group) ??
      (known.length < CAUSES_MAX - 1 ? add(known, cause, group) : others(known));
    found.count++;
    if (found.samples.length < SAMPLES_MAX) found.samples.push(String(id));
  }
}

function add(known: ReplayFailure[], cause: string, group: string | null): ReplayFailure {
  const failure = { cause, group, count: 0, samples: [] };
  known.push(failure);
  return failure;
}

const others = (known: ReplayFailure[]): ReplayFailure =>
  known.find(({ cause, group }) => cause === OTHERS && group === null) ?? add(known, OTHERS, null);

/** Why an item can never be read again. */
export const UNREADABLE: Readonly<Record<Unreadable, string>> = {
  erased: 'the key of its subject was destroyed by an erasure',
  expired: 'the key that it was sealed under has expired',
  damaged: 'its bytes are not as they were sealed',
};
