import type { Outbox } from '@millrace/messaging/outbox';
import type { MemoryLandingStore } from '../landing/memory/store';
import { type Announcement, announcement } from './announcement';
import { RESEND_DEFAULTS, RESEND_MS_MAX, type ResendOptions } from './landed-outbox';

/** The outbox of the store's model. */
export class MemoryLandedOutbox implements Outbox<Announcement> {
  constructor(
    private readonly store: MemoryLandingStore,
    private readonly options: ResendOptions = RESEND_DEFAULTS,
  ) {}

  async due(limit: number): Promise<Announcement[]> {
    const { unsentMsMax, resendMs, onOverdue } = this.options;
    const { outbox, manifests, progress } = this.store.state;
    const nowMs = this.store.clock.now();
    const rows = [...outbox].sort(([a], [b]) => a - b);
    const all = rows.map(([number, { message, sends }]) => announcement(message, number, sends));
    // Times in the future are of before the clock was set back.
    const recent = (atMs: number, ageMs: number): boolean => atMs >= nowMs - ageMs && atMs <= nowMs;
    const unsent = all.filter((_, i) => {
      const [, { message, sentMs }] = rows[i];
      return sentMs === null && !recent(manifests.get(message.batchId)?.landedMs ?? nowMs, unsentMsMax);
    });
    if (unsent.length > 0) return unsent.slice(0, limit);
    if (recent(progress.get(this.store.lineId)?.atMs ?? -Infinity, resendMs)) return [];
    const overdue = all.filter((_, i) => {
      const [, { sends, sentMs }] = rows[i];
      return sentMs !== null && !recent(sentMs, Math.min(resendMs * 2 ** (sends - 1), RESEND_MS_MAX));
    });
    if (overdue.length > 0) onOverdue?.(overdue[0].number, overdue.length);
    return overdue.slice(0, limit);
  }

  async sent(announcements: readonly Announcement[]): Promise<void> {
    for (const { number } of announcements) {
      const row = this.store.state.outbox.get(number);
      if (!row) continue;
      row.sends++;
      row.sentMs = this.store.clock.now();
    }
  }

  async confirm(lineId: string, number: number): Promise<void> {
    const { outbox, progress } = this.store.state;
    if (lineId !== this.store.lineId || (progress.get(lineId)?.number ?? -1) >= number) return;
    progress.set(lineId, { number, atMs: this.store.clock.now() });
    for (const known of [...outbox.keys()]) if (known <= number) outbox.delete(known);
  }
}
