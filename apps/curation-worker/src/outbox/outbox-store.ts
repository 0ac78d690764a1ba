import type { Pool } from '@millrace/postgres';
import type { UnnumberedBatch } from '../landing/message';

/** A landed batch that is to be announced, or announced again. */
export interface Announcement {
  readonly number: number;
  readonly message: UnnumberedBatch;
  /** How often it has been sent. */
  readonly sends: number;
}

/** What has been announced, and how far it has been taken up. */
export interface OutboxStore {
  /** Landed at least `ageMs` ago and never sent: whoever landed them died before sending. In number order. */
  unsent(ageMs: number, limit: number): Promise<Announcement[]>;
  /**
   * Sent, but not taken up, although nothing at all has been for `ageMs`: the messages may be lost. The wait doubles
   * with each time a message is sent, up to `ageMsMax`. In number order.
   */
  overdue(ageMs: number, ageMsMax: number, limit: number): Promise<Announcement[]>;
  sent(numbers: readonly number[]): Promise<void>;
  /** Every number up to this one is in the tables: nothing of it needs to be announced again. */
  confirm(lineId: string, number: number): Promise<void>;
}

const ANNOUNCEMENT = `o.number, o.sends, m.message FROM curation_worker.outbox o JOIN curation_worker.manifest m USING (batch_id)`;

const UNSENT = `
  SELECT ${ANNOUNCEMENT}
   WHERE o.sent_at IS NULL AND m.landed_at < clock_timestamp() - $1 * interval '1 ms'
   ORDER BY o.number LIMIT $2`;

const OVERDUE = `
  SELECT ${ANNOUNCEMENT}
   WHERE o.sent_at < clock_timestamp() - least($1 * 2 ^ (o.sends - 1), $2) * interval '1 ms'
     AND NOT EXISTS (SELECT FROM curation_worker.commit_progress p
                      WHERE p.line_id = (SELECT id FROM curation_worker.line) AND p.at > clock_timestamp() - $1 * interval '1 ms')
   ORDER BY o.number LIMIT $3`;

const CONFIRM = `
  INSERT INTO curation_worker.commit_progress AS p (line_id, number) VALUES ($1, $2)
  ON CONFLICT (line_id) DO UPDATE SET number = $2, at = clock_timestamp() WHERE p.number < $2
  RETURNING number`;

export class PostgresOutbox implements OutboxStore {
  constructor(private readonly pool: Pool) {}

  unsent(ageMs: number, limit: number): Promise<Announcement[]> {
    return this.announcements(UNSENT, [ageMs, limit]);
  }

  overdue(ageMs: number, ageMsMax: number, limit: number): Promise<Announcement[]> {
    return this.announcements(OVERDUE, [ageMs, ageMsMax, limit]);
  }

  async sent(numbers: readonly number[]): Promise<void> {
    const text =
      'UPDATE curation_worker.outbox SET sends = sends + 1, sent_at = clock_timestamp() WHERE number = ANY($1::bigint[])';
    await this.pool.query(text, [numbers]);
  }

  async confirm(lineId: string, number: number): Promise<void> {
    const { rows } = await this.pool.query('SELECT id FROM curation_worker.line');
    // A message of another lake, say of one restored from a backup, says nothing about this line.
    if ((rows[0] as { id: string }).id !== lineId) return;
    const { rowCount } = await this.pool.query(CONFIRM, [lineId, number]);
    if (rowCount) await this.pool.query('DELETE FROM curation_worker.outbox WHERE number <= $1', [number]);
  }

  private async announcements(text: string, values: unknown[]): Promise<Announcement[]> {
    const { rows } = await this.pool.query(text, values);
    return (rows as { number: string; sends: number; message: UnnumberedBatch }[]).map((row) => ({
      ...row,
      number: Number(row.number),
    }));
  }
}
