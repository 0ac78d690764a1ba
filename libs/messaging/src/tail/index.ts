import type { DeliveredRecord, Messaging } from '../port';

export interface TailOptions {
  readonly messaging: Pick<Messaging, 'subscribe'>;
  readonly topic: string;
  /** Where to begin and to end in each partition: `[from, to)`. */
  readonly from: ReadonlyMap<string, number>;
  readonly to: ReadonlyMap<string, number>;
  /** Null for a record of which that cannot be told. */
  readonly matches: (record: DeliveredRecord) => boolean | null | Promise<boolean | null>;
  /** Records looked at, at most (default 50,000). */
  readonly recordsMax?: number;
  /** Time that it may take, ms (default 2,000). */
  readonly waitMsMax?: number;
}

/**
 * Whether the log holds a record between two positions of each partition: what is acknowledged and taken up by nobody yet.
 * Null when that is more than can be read in a moment, or when it may be one of which that cannot be told. Reads beside the groups, with no position of its own.
 */
export async function isInTail(options: TailOptions): Promise<boolean | null> {
  const { messaging, topic, from, to, matches, recordsMax = 50_000, waitMsMax = 2_000 } = options;
  const open = new Map([...to].filter(([partition, end]) => end > (from.get(partition) ?? 0)));
  if (open.size === 0) return false;
  const subscription = await messaging.subscribe({
    topic,
    group: null,
    onAssigned: async (partition) => from.get(partition) ?? 0,
  });
  const end = AbortSignal.timeout(waitMsMax);
  end.addEventListener('abort', () => void subscription.close(), { once: true });
  try {
    let looked = 0;
    let untold = false;
    const reached = new Map(from);
    while (open.size > 0) {
      if (looked >= recordsMax) return null;
      const delivery = await subscription.next();
      if (!delivery) return null;
      const { partition, range } = delivery;
      // What lies between is not in the log any more, or the engine does not read back: nothing is known of it.
      if ((range?.from ?? Infinity) > (reached.get(partition) ?? 0) && open.has(partition)) return null;
      reached.set(partition, range?.to ?? 0);
      for (const record of delivery.batches.flatMap((batch) => batch.records)) {
        looked++;
        const match = matches(record);
        const told = match instanceof Promise ? await match : match;
        if (told) return true;
        untold ||= told === null;
      }
      if ((range?.to ?? 0) >= (open.get(partition) ?? 0)) open.delete(partition);
    }
    return untold ? null : false;
  } finally {
    await subscription.close();
  }
}
