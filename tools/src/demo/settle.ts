import { setTimeout as sleep } from 'node:timers/promises';
import { eventsIn } from './answers';
import type { MillraceClient, Totals } from './client';

export interface SettleOptions {
  readonly client: Pick<MillraceClient, 'conservation' | 'rows'>;
  /** Query parameters that select the data set's days. */
  readonly days: string;
  readonly signal: AbortSignal;
  readonly onPending: (totals: Totals) => void;
  readonly pollMs?: number;
  /** Gives up once nothing has changed for this long (default 30,000 ms): the answers then say what is wrong. */
  readonly stillMsMax?: number;
}

/**
 * Waits until nothing is pending and the marts count `inMarts` events of the data set plus all that landed since
 * `landedBefore`: what the services themselves say has landed, not the known answer. False when that did not come.
 */
export const settle = (landedBefore: number, inMarts: number, options: SettleOptions): Promise<boolean> =>
  waitUntil(({ pending, landed }, counted) => pending === 0 && counted === inMarts + landed - landedBefore, options);

/**
 * Waits until what was sent before, by a run that was interrupted perhaps, has come to rest: nothing pending, and the
 * marts at one with what has landed, or unchanged for three seconds where other events have landed as well.
 */
export async function rest(options: SettleOptions): Promise<void> {
  await waitUntil(
    ({ received, pending, landed }, counted) => received === 0 || (pending === 0 && counted === landed),
    options,
    3_000,
  );
}

/** With nothing pending, no change for `restMsMax` is enough to give up. */
async function waitUntil(
  isSettled: (totals: Totals, counted: number) => boolean,
  { client, days, signal, onPending, pollMs = 100, stillMsMax = 30_000 }: SettleOptions,
  restMsMax = stillMsMax,
): Promise<boolean> {
  let changedAt = performance.now();
  let seen = '';
  for (;;) {
    signal.throwIfAborted();
    const totals = await client.conservation();
    onPending(totals);
    const counted = totals.pending === 0 ? eventsIn(await client.rows(`/v1/shipments/daily?${days}`)) : -1;
    if (isSettled(totals, counted)) return true;
    const now = JSON.stringify([totals, counted]);
    if (now !== seen) {
      seen = now;
      changedAt = performance.now();
    } else if (performance.now() - changedAt > (totals.pending > 0 ? stillMsMax : restMsMax)) return false;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
