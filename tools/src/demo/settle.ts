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
  /** Gives up once nothing has changed for this long (default 20,000 ms): the answers then say what is wrong. */
  readonly stillMsMax?: number;
}

/**
 * Waits until nothing is pending and the marts count `inMarts` events of the data set plus all that landed since
 * `landedBefore`: what the services themselves say has landed, not the known answer. False when that did not come.
 */
export async function settle(
  landedBefore: number,
  inMarts: number,
  { client, days, signal, onPending, pollMs = 100, stillMsMax = 20_000 }: SettleOptions,
): Promise<boolean> {
  let changedAt = performance.now();
  let seen = '';
  for (;;) {
    signal.throwIfAborted();
    const totals = await client.conservation();
    onPending(totals);
    const counted = totals.pending === 0 ? eventsIn(await client.rows(`/v1/shipments/daily?${days}`)) : -1;
    if (totals.pending === 0 && counted === inMarts + totals.landed - landedBefore) return true;
    const now = JSON.stringify([totals, counted]);
    if (now !== seen) {
      seen = now;
      changedAt = performance.now();
    } else if (performance.now() - changedAt > stillMsMax) return false;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
