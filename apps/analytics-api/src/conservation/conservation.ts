import type { ConservationRow, ReadModels } from '../projection/read-models';

export interface ConservationDeps {
  readonly readModels: Pick<ReadModels, 'conservation' | 'receivedPositions'>;
  /** End of each partition of the input log. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  readonly topic: string;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  /** How long an answer may wait until what is in the log is counted, ms (default 5,000). */
  readonly waitMsMax?: number;
}

export interface ConservationAnswer {
  readonly totals: Totals;
  readonly rows: readonly ConservationRow[];
}
type Totals = Pick<ConservationRow, 'received' | 'landed' | 'duplicate' | 'quarantined' | 'pending'>;

/**
 * received = landed + duplicate + quarantined + pending, per source and accept hour of a
 * tenant.
 *
 * What was acknowledged before the call is in the answer: the log's ends are taken first, and the answer waits until
 * receipts are counted up to them. Null when that took too long, or when fates overtook receipts: then there is no
 * honest answer yet.
 */
export async function conservation(
  deps: ConservationDeps,
  tenant: string,
  from: Date | null,
  to: Date | null,
): Promise<ConservationAnswer | null> {
  const deadline = deps.now() + (deps.waitMsMax ?? 5_000);
  const ends = await deps.ends();
  for (;;) {
    const positions = await deps.readModels.receivedPositions(deps.topic);
    if ([...ends].every(([partition, end]) => end === 0 || (positions.get(partition) ?? 0) >= end)) {
      const { rows, behind } = await deps.readModels.conservation(tenant, from, to);
      if (!behind) return { totals: total(rows), rows };
    }
    if (deps.now() >= deadline) return null;
    await deps.sleep(25);
  }
}

function total(rows: readonly ConservationRow[]): Totals {
  const totals = { received: 0, landed: 0, duplicate: 0, quarantined: 0, pending: 0 };
  for (const row of rows) for (const key of Object.keys(totals) as (keyof Totals)[]) totals[key] += row[key];
  return totals;
}
