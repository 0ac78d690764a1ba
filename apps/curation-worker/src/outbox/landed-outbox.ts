import type { Outbox } from '@millrace/messaging/outbox';
import type { Pool } from '@millrace/postgres';
import type { UnnumberedBatch } from '../landing/message';
import { type Announcement, announcement } from './announcement';

export interface ResendOptions {
  /** A batch that was landed this long ago and not announced is announced by whoever sees it, ms. */
  readonly unsentMsMax: number;
  /** Batches are announced again once no number at all has been taken up for this long, ms. */
  readonly resendMs: number;
  /** Told of batches that are announced again. */
  readonly onOverdue?: (from: number, count: number) => void;
}

export const RESEND_DEFAULTS: ResendOptions = { unsentMsMax: 5_000, resendMs: 30_000 };

/** The wait before a batch is announced yet again doubles up to this. */
export const RESEND_MS_MAX = 600_000;

const ANNOUNCEMENT = `o.number, o.sends, m.message FROM curation_worker.outbox o JOIN curation_worker.manifest m USING (batch_id)`;

/** Stored times are rounded; what lies beyond this lies in the future. */
const SOON = `clock_timestamp() + interval '1 s'`;

/** Times in the future are of before the clock was set back: they say nothing about how long ago that was. */
const UNSENT = `
  SELECT ${ANNOUNCEMENT}
   WHERE o.sent_at IS NULL AND m.landed_at NOT BETWEEN clock_timestamp() - $1 * interval '1 ms' AND ${SOON}
   ORDER BY o.number LIMIT $2`;

const OVERDUE = `
  SELECT ${ANNOUNCEMENT}
   WHERE o.sent_at NOT BETWEEN clock_timestamp() - least($1 * 2 ^ (o.sends - 1), $2) * interval '1 ms' AND ${SOON}
     AND NOT EXISTS (SELECT FROM curation_worker.commit_progress p
                      WHERE p.line_id = (SELECT id FROM curation_worker.line) AND p.at BETWEEN clock_timestamp() - $1 * interval '1 ms' AND ${SOON})
   ORDER BY o.number LIMIT $3`;

const SENT = `
  UPDATE curation_worker.outbox SET sends = sends + 1, sent_at = clock_timestamp() WHERE number = ANY($1::bigint[])`;

const CONFIRM = `
  INSERT INTO curation_worker.commit_progress AS p (line_id, number) VALUES ($1, $2)
  ON CONFLICT (line_id) DO UPDATE SET number = $2, at = clock_timestamp() WHERE p.number < $2
  RETURNING number`;

/**
 * What has landed and is not known to be taken up. A batch is announced at once by the worker that landed it, by any
 * worker's look should that one have died, and again until tables.changed names its number.
 */
export class LandedOutbox implements Outbox<Announcement> {
  constructor(
    private readonly pool: Pool,
    private readonly options: ResendOptions = RESEND_DEFAULTS,
  ) {}

  /** Never announced; else announced, but nothing at all has been taken up for a while: messages may be lost. */
  async due(limit: number): Promise<Announcement[]> {
    const { unsentMsMax, resendMs, onOverdue } = this.options;
    const unsent = await this.announcements(UNSENT, [unsentMsMax, limit]);
    if (unsent.length > 0) return unsent;
    const overdue = await this.announcements(OVERDUE, [resendMs, RESEND_MS_MAX, limit]);
    if (overdue.length > 0) onOverdue?.(overdue[0].number, overdue.length);
    return overdue;
  }

  async sent(announcements: readonly Announcement[]): Promise<void> {
    await this.pool.query(SENT, [announcements.map(({ number }) => number)]);
  }

  /** Every number up to this one is in the tables: nothing of it needs to be announced again. */
  async confirm(lineId: string, number: number): Promise<void> {
    const { rows } = await this.pool.query('SELECT id FROM curation_worker.line');
    // A message of another lake, say of one restored from a backup, says nothing about this line.
    if ((rows[0] as { id: string }).id !== lineId) return;
    const { rowCount } = await this.pool.query(CONFIRM, [lineId, number]);
    if (rowCount) await this.pool.query('DELETE FROM curation_worker.outbox WHERE number <= $1', [number]);
  }

  private async announcements(text: string, values: unknown[]): Promise<Announcement[]> {
    const { rows } = await this.pool.query(text, values);
    return (rows as { number: string; sends: number; message: UnnumberedBatch }[]).map(({ number, sends, message }) =>
      announcement(message, Number(number), sends),
    );
  }
}
