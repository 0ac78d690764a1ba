import type { Pool } from '@millrace/postgres';
import { type EventView, ofQuarantine, ofWaiting } from './event-view';

type Row = Record<string, unknown>;

/** Events whose processing has failed: those that wait to be tried again, newest first, then dead letters, newest first. */
export interface FailedPage {
  readonly events: readonly EventView[];
  readonly total: number;
}

const WAITING =
  'id, event_id, event_type, accepted_at, headers, raw, sealed_by, attempts, last_error, updated_at, epoch';
const QUARANTINED =
  'id, event_id, event_type, accepted_at, headers, raw, sealed_by, attempts, reason, rule, path, status, replays, quarantined_at, healed_at';

/** Ids come from the index alone; rows are read for one page. */
const page = (order: 'ASC' | 'DESC'): string => `
  SELECT ${QUARANTINED} FROM curation_worker.quarantine
   WHERE id IN (SELECT id FROM curation_worker.quarantine WHERE tenant = $1 AND status = 'open'
                 ORDER BY id ${order} OFFSET $2 LIMIT $3)
   ORDER BY id DESC`;

/** A row of the quarantine, or a waiting one, by what it is called where its event id cannot be read. */
const ROW_NAME = /^(quarantine|waiting):(\d{1,18})$/;

export class FailedEvents {
  constructor(private readonly pool: Pick<Pool, 'query'>) {}

  /** @param number of the page, from 1 */
  async page(tenant: string, number: number, limit: number): Promise<FailedPage> {
    const { waiting, open } = await this.counts(tenant);
    const offset = (number - 1) * limit;
    const events: EventView[] = [];
    if (offset < waiting) {
      const rows = await this.rows(
        `SELECT ${WAITING} FROM curation_worker.waiting WHERE tenant = $1 ORDER BY id DESC OFFSET $2 LIMIT $3`,
        [tenant, offset, limit],
      );
      events.push(...rows.map(ofWaiting));
    }
    const from = Math.max(0, offset - waiting);
    const size = Math.min(limit - events.length, open - from);
    if (size > 0) {
      // From the nearer end: no page is further away than half of all.
      const fromEnd = open - from - size;
      const rows =
        fromEnd < from
          ? await this.rows(page('ASC'), [tenant, fromEnd, size])
          : await this.rows(page('DESC'), [tenant, from, size]);
      events.push(...rows.map(ofQuarantine));
    }
    return { events, total: waiting + open };
  }

  /** Events that wait, those of them being tried now, and open items of the quarantine. */
  async counts(tenant: string): Promise<{ waiting: number; trying: number; open: number }> {
    const [row] = await this.rows(
      `SELECT (SELECT count(*) FROM curation_worker.waiting WHERE tenant = $1) AS waiting,
              (SELECT count(*) FROM curation_worker.waiting WHERE tenant = $1 AND epoch IS NOT NULL) AS trying,
              (SELECT coalesce(sum(open), 0) FROM curation_worker.quarantine_count WHERE tenant = $1) AS open`,
      [tenant],
    );
    return { waiting: Number(row['waiting']), trying: Number(row['trying']), open: Number(row['open']) };
  }

  /** The newest event of that name that waits, else is in quarantine, else was healed. */
  async find(tenant: string, id: string): Promise<EventView | null> {
    const [, table, number] = ROW_NAME.exec(id) ?? [];
    const where = (name: string): string => (table === name ? 'id = $2::bigint' : 'event_id = $2');
    const value = number ?? id;
    if (table !== 'quarantine') {
      const [row] = await this.rows(
        `SELECT ${WAITING} FROM curation_worker.waiting WHERE tenant = $1 AND ${where('waiting')} ORDER BY id DESC LIMIT 1`,
        [tenant, value],
      );
      if (row) return ofWaiting(row);
    }
    if (table === 'waiting') return null;
    const [row] = await this.rows(
      `SELECT ${QUARANTINED} FROM curation_worker.quarantine WHERE tenant = $1 AND ${where('quarantine')}
        ORDER BY status = 'open' DESC, id DESC LIMIT 1`,
      [tenant, value],
    );
    return row ? ofQuarantine(row) : null;
  }

  /** Ids of open rows of the event. */
  async openRows(tenant: string, id: string, limit: number): Promise<string[]> {
    const [, table, number] = ROW_NAME.exec(id) ?? [];
    if (table === 'waiting') return [];
    const rows = await this.rows(
      `SELECT id FROM curation_worker.quarantine
        WHERE tenant = $1 AND status = 'open' AND ${table ? 'id = $2::bigint' : 'event_id = $2'} ORDER BY id LIMIT $3`,
      [tenant, number ?? id, limit],
    );
    return rows.map((row) => String(row['id']));
  }

  /** Makes waiting tries of the event due. False where it does not wait. */
  async hurry(tenant: string, id: string): Promise<boolean> {
    const [, table, number] = ROW_NAME.exec(id) ?? [];
    if (table === 'quarantine') return false;
    const rows = await this.rows(
      `UPDATE curation_worker.waiting SET next_at = clock_timestamp()
        WHERE tenant = $1 AND ${table ? 'id = $2::bigint' : 'event_id = $2'} RETURNING id`,
      [tenant, number ?? id],
    );
    return rows.length > 0;
  }

  private async rows(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.pool.query(text, values)).rows as Row[];
  }
}
