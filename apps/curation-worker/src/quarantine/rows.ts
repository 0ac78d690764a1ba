import type { Refusal } from '@millrace/envelope';
import type { QuarantineCause, QuarantineRow } from '../landing/port';
import type { Outcome } from '../pipeline/outcome';
import type { MicroBatch } from '../pipeline/received';
import type { Validated } from '../pipeline/curate';
import { sourceOf } from '../pipeline/validate';
import type { RawPlaces } from '../staging/raw-parts';
import type { Random } from '@millrace/observability';
import { groupId, groupOf } from './grouping';
import { storedBytes } from './sealed-item';

/** What is wrong with an item, as the quarantine has it. */
export function causeOf(event: Validated, refusal: Refusal): QuarantineCause {
  const eventId = event.ok ? event.envelope.eventId : event.eventId;
  const eventType = event.ok ? event.envelope.eventType : event.eventType;
  const contract = event.ok ? (event.contract?.compiled ?? null) : event.contract;
  const group = groupOf(refusal, contract?.name ?? null, eventType);
  return {
    groupId: groupId(group),
    reason: refusal.reason,
    rule: refusal.rule,
    path: refusal.path,
    groupRule: group.rule,
    groupPath: group.path,
    groupEventType: group.eventType,
    contract: contract?.name ?? null,
    contractVersion: contract?.version ?? null,
    eventType,
    eventId,
  };
}

/** One row for each quarantined item, with its exact bytes and where they came from. */
export function quarantineRows(
  batch: MicroBatch,
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  places: RawPlaces,
  landing: { readonly batchId: number; readonly attempts: number },
  random: Pick<Random, 'bytes'>,
): QuarantineRow[] {
  const rows: QuarantineRow[] = [];
  outcomes.forEach((outcome, i) => {
    if (outcome.fate !== 'quarantined') return;
    const event = validated[i];
    const { origin, value, offset, log, sealedBy } = event.received;
    const item = { headers: origin.headers, raw: value };
    rows.push({
      ...causeOf(event, outcome.refusal),
      tenant: origin.headers.tenant,
      source: sourceOf(event),
      acceptedAt: origin.at,
      topic: log?.topic ?? batch.topic,
      partition: log?.partition ?? batch.partition,
      offset,
      attempts: landing.attempts,
      batchId: landing.batchId,
      rawPart: places.pathOf(i),
      rawLine: places.lineOf(i),
      ingestionId: origin.ingestionId,
      ...(sealedBy === undefined ? storedBytes(item, event.seal, random) : { ...item, sealedBy }),
    });
  });
  return rows;
}
