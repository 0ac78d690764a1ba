import { type OutboxEntry, TableOutbox } from '@millrace/messaging/outbox';
import type { Logger } from '@millrace/observability';
import { type Pool, transaction } from '@millrace/postgres';
import type { DailyKeys } from '@millrace/privacy';
import { type AuditRecord, TOPICS } from '@millrace/topics';

export interface ExpiryDeps {
  readonly pool: Pool;
  readonly keys: Pick<DailyKeys, 'days' | 'destroy'>;
  /** Since when the oldest event that is not curated yet is in the log; null where all are. */
  readonly unreadSince: () => Promise<Date | null>;
  readonly keepMs: number;
  readonly logger: Logger;
  /** A UUID. */
  readonly newId: () => string;
}

/** What `sealed_by` says of a quarantined item whose content is gone. */
export const EXPIRED = 'expired';

const DAY_MS = 86_400_000;
const ROWS_MAX = 1_000;

/**
 * Now, by the earlier of the database's time and the newest accept time landed: a wrong clock, or a service that was off
 * for months, destroys nothing early. Null before the first landing.
 */
const NOW = `
  SELECT least(clock_timestamp(), max(accepted_to)) AS now FROM curation_worker.position HAVING max(accepted_to) IS NOT NULL`;

/** What nobody has been able to land is needed until somebody has, however long that takes. */
const WAITS = 'SELECT FROM curation_worker.waiting WHERE sealed_by = $1 LIMIT 1';

const ADVANCE = `
  UPDATE curation_worker.daily_key_expiry SET destroyed_to = $1::date, advanced_at = clock_timestamp()
   WHERE (advanced_at IS NULL OR advanced_at <= clock_timestamp() - interval '1 day')
     AND (destroyed_to IS NULL OR destroyed_to < $1::date)
  RETURNING advanced_at AS at`;

const DECIDED = 'SELECT coalesce($1::date <= destroyed_to, false) AS decided FROM curation_worker.daily_key_expiry';

const SERVICE = 'curation-worker';

/** The record that the key of a day is destroyed: the deployment's, for that key is of all tenants. */
function auditOf(date: string, keepMs: number, id: string, at: Date): OutboxEntry {
  const body: AuditRecord = {
    ...{ id, at: at.toISOString(), service: SERVICE, action: 'privacy.daily_key_destroyed', actor: SERVICE },
    ...{ subject: `key d${date}`, detail: { day: date, keptDays: keepMs / DAY_MS } },
  };
  return { id, topic: TOPICS.audit.name, body };
}

/** Decides that the key of a day goes, and tells the audit of it, in one transaction; false where it is not for us. */
async function decide({ pool, keepMs, newId }: ExpiryDeps, date: string): Promise<boolean> {
  return transaction(pool, async (client) => {
    const [advanced] = (await client.query<{ at: Date }>(ADVANCE, [date])).rows;
    if (!advanced) return false;
    const outbox = new TableOutbox(pool, 'curation_worker', 'message_outbox');
    await outbox.leave([auditOf(date, keepMs, newId(), advanced.at)], client);
    return true;
  });
}

const FORGET = `
  UPDATE curation_worker.quarantine SET raw = '', sealed_by = '${EXPIRED}'
   WHERE ctid = ANY (ARRAY(
     SELECT ctid FROM curation_worker.quarantine
      WHERE sealed_by IS NOT NULL AND sealed_by <> '${EXPIRED}' AND quarantined_at < $1
      LIMIT ${ROWS_MAX} FOR UPDATE SKIP LOCKED))`;

/**
 * Ends what is kept for a while only: the contents of quarantined items that may hold personal data, once they were
 * quarantined `keepMs` ago, and then the oldest key of a day, once that day ended `keepMs` ago and nothing is left that
 * waits under it. Of several workers one destroys a key; at most one goes a day, and the audit tells of it once. Returns
 * the day, or null.
 */
export async function expire(deps: ExpiryDeps, signal: AbortSignal): Promise<string | null> {
  const { pool, keys, unreadSince, keepMs, logger } = deps;
  const now = (await pool.query<{ now: Date }>(NOW)).rows[0]?.now;
  if (!now) return null;
  const before = new Date(now.getTime() - keepMs);
  for (let forgotten = ROWS_MAX; forgotten === ROWS_MAX && !signal.aborted;)
    forgotten = (await pool.query(FORGET, [before])).rowCount ?? 0;
  const [oldest] = await keys.days();
  if (!oldest || signal.aborted) return null;
  const endedAt = new Date(Date.parse(oldest.date) + DAY_MS);
  // A key that was made lately for a day long past is in use by somebody whose clock is wrong.
  if (endedAt > before || oldest.madeAt > before) return null;
  const unread = await unreadSince();
  if (unread && unread < new Date(endedAt.getTime() + DAY_MS)) {
    logger.warn({ key: `d${oldest.date}` }, 'a key that is due is kept: events of its day have not been curated');
    return null;
  }
  if (((await pool.query(WAITS, [`d${oldest.date}`])).rowCount ?? 0) > 0) return null;
  const decided = await decide(deps, oldest.date);
  // Decided before, and not done: whoever had decided it died.
  if (!decided && !(await pool.query<{ decided: boolean }>(DECIDED, [oldest.date])).rows[0]?.decided) return null;
  await keys.destroy(oldest.date);
  logger.info({ key: `d${oldest.date}` }, 'the key of a day has expired and is destroyed');
  return oldest.date;
}
