import type { MicroBatch, Received } from '../pipeline/received';
import { originOf } from '../pipeline/received';
import type { Mended } from '../recipes/port';
import type { StoredItem } from './port';

/** What a replay lands under: no log, so no positions. */
export const REPLAY_LOG = { topic: 'quarantine', partition: 'replay' } as const;
export const RETRY_LOG = { topic: 'quarantine', partition: 'retry' } as const;

/**
 * Items as a micro-batch: as they were received, at the times of then, and with raw lines where they already are.
 *
 * @param mended versions to be tried instead, by item id; they get raw lines of their own, which name the original's
 */
export function storedBatch(
  items: readonly (StoredItem & Partial<NonNullable<Received['names']>>)[],
  log: Pick<MicroBatch, 'topic' | 'partition'>,
  mended: ReadonlyMap<number, Mended> = new Map(),
): MicroBatch {
  const received = items.map((item): Received => {
    const { id, headers, ingestionId, raw, rawPart, rawLine, topic, partition, offset } = item;
    const version = mended.get(id);
    const { eventId, eventType } = item;
    return {
      ...(item.unreadable && item.sealedBy !== null && { sealedBy: item.sealedBy }),
      ...(eventId !== undefined && { names: { eventId, eventType: eventType ?? null } }),
      origin: originOf(headers, ingestionId ?? `quarantine-${id}`),
      value: version?.value ?? raw,
      offset,
      log: { topic, partition },
      ...(version
        ? { mends: { part: rawPart, line: rawLine, recipe: version.recipe } }
        : { stored: { part: rawPart, line: rawLine, ...(item.underDay && { expires: true }) } }),
    };
  });
  return { ...log, range: null, items: received, wholeBatches: [] };
}
