import type { OutboxEntry } from '@millrace/messaging/outbox';
import { type AuditRecord, TOPICS } from '@millrace/topics';
import type { Erasure } from './port';

const SERVICE = 'curation-worker';

export type ErasureAction =
  'privacy.erasure_requested' | 'privacy.erasure_cancelled' | 'privacy.keys_destroyed' | 'privacy.erasure_ended';

/** The record of a step of an erasure; it says of whom no more than the kind. */
export function auditOf(erasure: Erasure, action: ErasureAction, id: string, at: Date): OutboxEntry {
  const { tenant, kind, rows, status, keys, keysEpoch, report, requestedBy, endedBy } = erasure;
  const actor = action === 'privacy.erasure_requested' ? requestedBy : (endedBy ?? SERVICE);
  const body: AuditRecord = {
    ...{ id, at: at.toISOString(), tenant, service: SERVICE, action, actor },
    subject: `erasure ${erasure.id}`,
    detail: {
      ...{ kind, rows, status },
      ...(keysEpoch !== null && { keys, keysEpoch }),
      ...(report && { readable: report.readable, searched: report.searched, backupsExpireBy: report.backupsExpireBy }),
    },
  };
  return { id, topic: TOPICS.audit.name, body };
}
