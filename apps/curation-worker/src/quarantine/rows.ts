import type { QuarantineRow } from '../landing/port';
import type { Outcome } from '../pipeline/outcome';
import type { MicroBatch } from '../pipeline/received';
import type { Validated } from '../pipeline/curate';
import type { RawPlaces } from '../staging/raw-parts';
import { groupId, groupOf } from './grouping';

/** One row for each quarantined item, with its exact bytes and where they came from. */
export function quarantineRows(
  batch: MicroBatch,
  validated: readonly Validated[],
  outcomes: readonly Outcome[],
  places: RawPlaces,
  landing: { readonly batchId: number; readonly attempts: number },
): QuarantineRow[] {
  const rows: QuarantineRow[] = [];
  outcomes.forEach((outcome, i) => {
    if (outcome.fate !== 'quarantined') return;
    const event = validated[i];
    const { origin, value, offset } = event.received;
    const eventId = event.ok ? event.envelope.eventId : event.eventId;
    const eventType = event.ok ? event.envelope.eventType : event.eventType;
    const contract = event.ok ? (event.contract?.compiled ?? null) : event.contract;
    const group = groupOf(outcome.refusal, contract?.name ?? null, eventType);
    rows.push({
      groupId: groupId(group),
      reason: outcome.refusal.reason,
      rule: outcome.refusal.rule,
      path: outcome.refusal.path,
      groupRule: group.rule,
      groupPath: group.path,
      groupEventType: group.eventType,
      contract: contract?.name ?? null,
      contractVersion: contract?.version ?? null,
      eventType,
      eventId,
      tenant: origin.headers.tenant,
      source: origin.headers.source,
      acceptedAt: origin.at,
      topic: batch.topic,
      partition: batch.partition,
      offset,
      attempts: landing.attempts,
      batchId: landing.batchId,
      rawPart: places.pathOf(i),
      rawLine: places.lineOf(i),
      headers: origin.headers,
      raw: value,
    });
  });
  return rows;
}
