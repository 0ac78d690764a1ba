import type { Clock, Random } from '@millrace/observability';
import type { EventType } from '../events/event';
import { createStream, eventIdOf, GAP_MS } from '../events/streams';
import { batchesFor } from '../targets/batches';
import type { Outgoing, TargetName } from '../targets/port';
import type { Publisher } from '../targets/publisher';

export interface GenerateRequest {
  readonly type: EventType;
  readonly count: number;
  readonly seed?: string;
  /** RFC 3339. */
  readonly from?: string;
}

export interface Generated {
  readonly type: EventType;
  readonly count: number;
  /** Given again, together with `from`, these make the same events. */
  readonly seed: string;
  readonly from: string;
  readonly target: TargetName;
  /** Acknowledged by the target: all of `count`, unless `problem` says why not. */
  readonly acknowledged: number;
  /** Of those, items that the target said at once were no events; null where it looks at none. */
  readonly quarantined: number | null;
  /** Never acknowledged: certainly not stored, and perhaps stored. */
  readonly refused: number;
  readonly unknown: number;
  readonly requests: number;
  /** Attempts beyond the first of each request. */
  readonly retries: number;
  readonly problem: string | null;
  /** Of all events, acknowledged or not, in order. */
  readonly eventIds: readonly string[];
}

export interface GenerateDeps {
  readonly publisher: Pick<Publisher, 'publish' | 'target'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where the generated world begins when a seed is given and nothing else: a seed alone then says which events. */
const SEEDED_FROM_MS = Date.UTC(2026, 0, 5);

interface Item extends Outgoing {
  readonly id: string;
}

/**
 * Makes events and sends them, one batch after the other. After a batch that is not acknowledged the rest is not sent.
 * Without a seed one is drawn, and the last event is about now.
 */
export async function generate(deps: GenerateDeps, request: GenerateRequest): Promise<Generated> {
  const { publisher, clock, random } = deps;
  const { type, count } = request;
  const seed = request.seed ?? random.bytes(6).toString('hex');
  const gapMs = GAP_MS[type];
  const unseededFrom = request.seed === undefined ? clock.now() - count * gapMs : SEEDED_FROM_MS;
  const fromMs = request.from === undefined ? unseededFrom : Date.parse(request.from);
  const stream = createStream(type, { seed, fromMs, gapMs });
  const items = Array.from({ length: count }, (): Item => {
    const { body, key } = stream.next();
    const bytes = Buffer.from(JSON.stringify(body));
    return { bytes, key, id: eventIdOf(body, bytes) };
  });
  const sums = { acknowledged: 0, quarantined: null as number | null, refused: 0, unknown: 0, requests: 0, retries: 0 };
  let problem: string | null = null;
  const call = random.bytes(9).toString('base64url');
  for (const batch of batchesFor(items, publisher.target)) {
    if (problem !== null) {
      sums.refused += batch.length;
      continue;
    }
    const sent = await publisher.publish(batch, { requestKey: `generate-${call}-${sums.requests}` });
    sums.requests++;
    sums.retries += sent.attempts - 1;
    sums[sent.outcome] += batch.length;
    if (sent.quarantined !== null) sums.quarantined = (sums.quarantined ?? 0) + sent.quarantined;
    problem = sent.reason;
  }
  const eventIds = items.map(({ id }) => id);
  const from = new Date(fromMs).toISOString();
  return { type, count, seed, from, target: publisher.target.name, ...sums, problem, eventIds };
}
