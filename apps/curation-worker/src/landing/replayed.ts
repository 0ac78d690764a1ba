import type { Random } from '@millrace/observability';
import type { Validated } from '../pipeline/curate';
import type { Outcome } from '../pipeline/outcome';
import { sourceOf } from '../pipeline/validate';
import type { MicroBatch } from '../pipeline/received';
import { causeOf } from '../quarantine/rows';
import type { RawPlaces } from '../staging/raw-parts';
import { storedBytes } from '../quarantine/sealed-item';
import type { Replay } from './land-batch';
import type { SettledRow, WaitingRow } from './port';

/** What became of the rows of a replay, in the order of their ids: that is the order in which landings lock. */
export function settledRows(
  { rowIds }: Replay,
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  places: RawPlaces,
): SettledRow[] {
  return rowIds
    .map((id, i): SettledRow => {
      const event = validated[i];
      const outcome = outcomes[i];
      const { mends } = event.received;
      return {
        id,
        healedAs: outcome.fate === 'landed' || outcome.fate === 'duplicate' ? outcome.fate : null,
        again: outcome.fate === 'quarantined' ? causeOf(event, outcome.refusal) : null,
        mended: mends ? { recipe: mends.recipe, part: places.pathOf(i), line: places.lineOf(i) } : null,
      };
    })
    .sort((a, b) => a.id - b.id);
}

/** Items that are put aside, with what is needed to try them again. */
export function waitingRows(
  batch: MicroBatch,
  validated: readonly Validated[],
  places: RawPlaces,
  batchId: number,
  { error, retryInMs }: { readonly error: string; readonly retryInMs: number },
  random: Pick<Random, 'bytes'>,
): WaitingRow[] {
  return validated.map((event, i) => {
    const { origin, value, offset } = event.received;
    return {
      ...{ tenant: origin.headers.tenant, source: sourceOf(event), acceptedAt: origin.at },
      eventId: event.ok ? event.envelope.eventId : event.eventId,
      eventType: event.ok ? event.envelope.eventType : event.eventType,
      ...{ topic: batch.topic, partition: batch.partition, offset, batchId },
      ...{ rawPart: places.pathOf(i), rawLine: places.lineOf(i) },
      ...storedBytes({ headers: origin.headers, raw: value }, event.seal, random),
      ...{ ingestionId: origin.ingestionId, error, retryInMs },
    };
  });
}
