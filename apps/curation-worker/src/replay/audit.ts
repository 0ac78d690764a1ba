import type { OutboxEntry } from '@millrace/messaging/outbox';
import { type AuditRecord, TOPICS } from '@millrace/topics';
import type { Job } from './port';

const SERVICE = 'curation-worker';

/** The record of a job that began or ended. */
export function auditOf(job: Job, action: string, id: string): OutboxEntry {
  const { tenant, selection, recipe, selected, landed, duplicate, failed, state } = job;
  const at = (job.endedAt ?? job.createdAt).toISOString();
  const actor = state === 'cancelled' ? (job.endedBy ?? SERVICE) : job.createdBy;
  const body: AuditRecord = {
    ...{ id, at, tenant, service: SERVICE, action, actor },
    subject: `replay ${job.id}`,
    detail: {
      ...{ selection, selected },
      ...(recipe && { recipe: `${recipe.name}@${recipe.version}` }),
      ...(state !== 'running' && { landed, duplicate, failed, failures: job.failures }),
    },
  };
  return { id, topic: TOPICS.audit.name, body };
}
