import type { Pool } from '@millrace/postgres';

/** Table pages looked through by one DELETE: some 5 ms, so that no landing waits for it. */
const PAGES_MAX = 1_000;

/**
 * Moves the horizon by at most one day, at most once a day. Age is measured to the earlier of the database's time and
 * the newest accept time landed: a wrong clock, or a service that was off for months, deletes nothing early.
 */
const ADVANCE = `
  WITH today AS (
    SELECT least(clock_timestamp(), newest)::date AS day
      FROM (SELECT max(accepted_to) AS newest FROM curation_worker.position) p WHERE newest IS NOT NULL
  )
  UPDATE curation_worker.claims_pruning p
     SET advanced_at = clock_timestamp(),
         pruned_to = least(coalesce(p.pruned_to, (SELECT min(keep_until) FROM curation_worker.claims)) + 1, today.day)
    FROM today
   WHERE (p.advanced_at IS NULL OR p.advanced_at <= clock_timestamp() - interval '1 day')
     AND coalesce(p.pruned_to, (SELECT min(keep_until) FROM curation_worker.claims)) < today.day
  RETURNING p.pruned_to::text`;

/**
 * The horizon takes effect for landings before claims disappear: they look at it once a minute, and none lasts for
 * longer than a few minutes.
 */
const SETTLED = `
  SELECT pruned_to::text FROM curation_worker.claims_pruning
   WHERE advanced_at <= clock_timestamp() - $1 * interval '1 ms' AND deleted_to IS DISTINCT FROM pruned_to`;

const DELETED = 'UPDATE curation_worker.claims_pruning SET deleted_to = $1::date';

export const SETTLE_MS = 600_000;

/** What is not in the tables yet could not be found there: its claims stay, and go with a later day. */
const COMMITTED = 'batch_id NOT IN (SELECT batch_id FROM curation_worker.outbox)';

const PARTITIONS = `
  SELECT c.oid::regclass::text AS name, (pg_relation_size(c.oid) / current_setting('block_size')::int)::int AS pages
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'curation_worker.claims'::regclass ORDER BY c.relname`;

export interface Pruned {
  /** The new horizon, or null where it did not move. */
  readonly horizon: string | null;
  readonly deleted: number;
}

/** Deletes claims whose window has passed, in small pieces. Meant to run every hour or so; any number of times is fine. */
export async function pruneClaims(pool: Pool, signal: AbortSignal, settleMs = SETTLE_MS): Promise<Pruned> {
  const advanced = await pool.query(ADVANCE);
  const horizon = (advanced.rows[0] as { pruned_to: string } | undefined)?.pruned_to ?? null;
  const settled = await pool.query(SETTLED, [settleMs]);
  const to = (settled.rows[0] as { pruned_to: string | null } | undefined)?.pruned_to;
  if (!to) return { horizon, deleted: 0 };
  let deleted = 0;
  const { rows } = await pool.query(PARTITIONS);
  for (const { name, pages } of rows as { name: string; pages: number }[]) {
    // Ranges of row addresses: no index has to be kept for a scan that comes once a day.
    for (let page = 0; page < pages && !signal.aborted; page += PAGES_MAX) {
      const range = `ctid >= '(${page},0)'::tid AND ctid < '(${page + PAGES_MAX},0)'::tid`;
      const { rowCount } = await pool.query(
        `DELETE FROM ${name} WHERE ${range} AND keep_until < $1::date AND ${COMMITTED}`,
        [to],
      );
      deleted += rowCount ?? 0;
    }
  }
  if (!signal.aborted) await pool.query(DELETED, [to]);
  return { horizon, deleted };
}

/** Forgets messages of inputs without positions. `retentionMs` must exceed that of their transport. */
export async function pruneInbox(pool: Pool, retentionMs: number): Promise<number> {
  let deleted = 0;
  for (;;) {
    const { rowCount } = await pool.query(
      `DELETE FROM curation_worker.inbox WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM curation_worker.inbox WHERE landed_at < clock_timestamp() - $1 * interval '1 ms' LIMIT 5000))`,
      [retentionMs],
    );
    deleted += rowCount ?? 0;
    if ((rowCount ?? 0) < 5_000) return deleted;
  }
}
