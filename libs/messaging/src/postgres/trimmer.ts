import type { Timers } from '../timers';
import { nextAgeCut, TRIM_TO_SHARE } from '../trim-policy';
import type { Sessions } from './session';
import type { Topics } from './topics';

export interface TrimmerOptions {
  readonly sessions: Sessions;
  readonly topics: Topics;
  readonly timers: Timers;
  readonly keepMs: number;
  /** How often topics that this process knows are trimmed; 0 for never. */
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}

/** Batches deleted in one transaction: some ten milliseconds. */
const CHUNK_ROWS = 200;
/** A full topic that could not be trimmed is not tried again for so long. */
const FRUITLESS_MS = 250;

const AGES = `
  SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms, t.age_cut_ms, t.age_cut_at_ms,
    (extract(epoch FROM min(a.oldest)) * 1000)::float8 AS oldest_ms, (extract(epoch FROM max(a.newest)) * 1000)::float8 AS newest_ms
  FROM log.topic t JOIN log.head h ON h.topic = t.id CROSS JOIN LATERAL (
    SELECT (SELECT appended_at FROM log.batch b WHERE b.topic = h.topic AND b.part = h.part ORDER BY base LIMIT 1) AS oldest,
      (SELECT appended_at FROM log.batch b WHERE b.topic = h.topic AND b.part = h.part ORDER BY base DESC LIMIT 1) AS newest
  ) a WHERE t.id = $1 GROUP BY t.id`;
// Of two trimmers at once the one that comes second changes nothing: the limit must not move twice for the same time.
const MOVE_CUT =
  'UPDATE log.topic SET age_cut_ms = $2, age_cut_at_ms = $3 WHERE id = $1 AND age_cut_at_ms IS NOT DISTINCT FROM $4';

interface AgesRow {
  readonly now_ms: number;
  readonly age_cut_ms: string | null;
  readonly age_cut_at_ms: string | null;
  readonly oldest_ms: number | null;
  readonly newest_ms: number | null;
}

/** Trims topics: on request, when one is full, and from time to time. */
export class Trimmer {
  private readonly running = new Map<string, Promise<number>>();
  private readonly fruitless = new Map<string, number>();
  private cancel: () => void = () => undefined;
  private closed = false;

  constructor(private readonly options: TrimmerOptions) {
    if (options.everyMs > 0) this.schedule();
  }

  /** Returns the number of batches removed. Requests for a topic that is being trimmed share its result. */
  trim(topic: string): Promise<number> {
    let run = this.running.get(topic);
    if (!run) {
      run = this.trimNow(topic).finally(() => this.running.delete(topic));
      this.running.set(topic, run);
    }
    return run;
  }

  /** For a full topic: whether anything was removed. */
  async makeRoom(topic: string): Promise<boolean> {
    const { timers } = this.options;
    if (timers.monotonicMs() < (this.fruitless.get(topic) ?? -Infinity)) return false;
    const removed = await this.trim(topic);
    if (removed === 0) this.fruitless.set(topic, timers.monotonicMs() + FRUITLESS_MS);
    return removed > 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancel();
    await Promise.allSettled(this.running.values());
  }

  private async trimNow(name: string): Promise<number> {
    const { topics, sessions, keepMs } = this.options;
    const topic = await topics.load(name);
    if (topic.retentionMs !== null) await this.moveAgeCut(topic.id, topic.retentionMs);
    const bytes = topic.bytesMax === null ? null : Math.floor(topic.bytesMax * TRIM_TO_SHARE);
    let removed = 0;
    while (!this.closed) {
      const [{ count }] = await sessions.query<{ count: number }>(
        'log.trim',
        'SELECT log.trim($1, $2, $3, $4) AS count',
        [topic.id, bytes, keepMs, CHUNK_ROWS],
      );
      removed += count;
      if (count < CHUNK_ROWS) break;
    }
    return removed;
  }

  private async moveAgeCut(topic: number, retentionMs: number): Promise<void> {
    const [row] = await this.options.sessions.query<AgesRow>('log.ages', AGES, [topic]);
    if (!row || row.oldest_ms === null || row.newest_ms === null) return;
    const before =
      row.age_cut_ms === null || row.age_cut_at_ms === null
        ? null
        : { cutMs: Number(row.age_cut_ms), atMs: Number(row.age_cut_at_ms) };
    const { oldest_ms: oldestMs, newest_ms: newestMs, now_ms: nowMs } = row;
    const { cutMs, atMs } = nextAgeCut({ nowMs, oldestMs, newestMs, retentionMs, before });
    await this.options.sessions.query('log.move-cut', MOVE_CUT, [
      topic,
      Math.floor(cutMs),
      Math.floor(atMs),
      row.age_cut_at_ms,
    ]);
  }

  private schedule(): void {
    if (this.closed) return;
    this.cancel = this.options.timers.after(this.options.everyMs, () => {
      const all = this.options.topics.names().map((topic) => this.trim(topic));
      void Promise.allSettled(all).then((results) => {
        for (const result of results) if (result.status === 'rejected') this.options.onError(result.reason);
        this.schedule();
      });
    });
  }
}
