import { createHash } from 'node:crypto';
import type { Messaging } from '@millrace/messaging';
import type { Logger } from '@millrace/observability';
import { type BatchStaged, TOPICS } from '@millrace/topics';
import type { Failpoint } from '../worker/failpoints';
import type { Timers } from '../worker/timers';
import type { Announcement, OutboxStore } from './outbox-store';

export interface RelayDeps {
  readonly messaging: Messaging;
  readonly outbox: OutboxStore;
  readonly failpoint: Failpoint;
  readonly timers: Pick<Timers, 'every'>;
  readonly logger: Logger;
}

export interface RelayOptions {
  /** The outbox is looked through this often. */
  readonly sweepMs: number;
  /** A message that was landed this long ago and not sent is sent by whoever sees it. */
  readonly unsentMsMax: number;
  /** Messages are sent again once no number at all has been taken up for this long. */
  readonly resendMs: number;
}

export const RELAY_DEFAULTS: RelayOptions = { sweepMs: 2_000, unsentMsMax: 5_000, resendMs: 30_000 };

/** The wait before a message is sent yet again doubles up to this. */
const RESEND_MS_MAX = 600_000;
const MESSAGES_MAX = 64;
/** Announcements kept in memory while messaging is away; the outbox has them all, and the sweep finds the rest. */
const QUEUE_MAX = 1_000;

/**
 * Sends batches.staged for what has landed, at least once: at once by the worker that landed it, by any worker's sweep
 * should that one have died, and again until tables.changed names its number. Receivers order and dedupe by number.
 */
export class BatchRelay {
  private queue: Announcement[] = [];
  private flushing: Promise<void> | null = null;
  private sweeping: Promise<void> | null = null;
  private endSweeps: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly deps: RelayDeps,
    private readonly options: RelayOptions = RELAY_DEFAULTS,
  ) {}

  start(): void {
    this.endSweeps = this.deps.timers.every(this.options.sweepMs, () => void this.sweep());
  }

  /** Sends what is queued, if messaging takes it, and stops. */
  async stop(): Promise<void> {
    this.endSweeps();
    this.stopped = true;
    await this.sweeping;
    await this.flushing;
  }

  /** A batch has landed. Returns at once. */
  announce(announcement: Announcement): void {
    if (this.queue.length < QUEUE_MAX) this.queue.push(announcement);
    this.flushing ??= this.flush().finally(() => (this.flushing = null));
  }

  /** Sends what nobody has sent, and what seems lost. */
  sweep(): Promise<void> {
    this.sweeping ??= this.sweepOnce()
      .catch((error: unknown) => this.deps.logger.warn({ error }, 'the outbox was not swept'))
      .finally(() => (this.sweeping = null));
    return this.sweeping;
  }

  private async sweepOnce(): Promise<void> {
    const { outbox, logger } = this.deps;
    const { unsentMsMax, resendMs } = this.options;
    await this.send(await outbox.unsent(unsentMsMax, MESSAGES_MAX));
    const overdue = await outbox.overdue(resendMs, RESEND_MS_MAX, MESSAGES_MAX);
    if (overdue.length > 0)
      logger.warn({ from: overdue[0].number, count: overdue.length }, 'landed batches are announced again');
    await this.send(overdue);
  }

  private async flush(): Promise<void> {
    while (this.queue.length > 0) {
      const some = this.queue.splice(0, MESSAGES_MAX);
      try {
        await this.send(some);
      } catch (error) {
        // They stay in the outbox as unsent; the sweep is the retry.
        this.deps.logger.warn({ error, from: some[0].number }, 'landed batches could not be announced yet');
        if (this.stopped) return;
      }
    }
  }

  private async send(announcements: readonly Announcement[]): Promise<void> {
    if (announcements.length === 0) return;
    const { messaging, outbox, failpoint } = this.deps;
    const records = announcements.map(({ number, message }) => {
      const staged: BatchStaged = { ...message, number };
      return { key: null, headers: {}, value: Buffer.from(JSON.stringify(staged)) };
    });
    await messaging.append(TOPICS.batchesStaged.name, { header: { appendId: appendIdOf(announcements) }, records });
    await failpoint('after-announce');
    await outbox.sent(announcements.map(({ number }) => number));
  }
}

/**
 * The same for the same messages on the same round, so that an append of unknown outcome, repeated, is stored once;
 * another for each further round, which is to be stored again. A UUIDv8 (RFC 9562, 5.8).
 */
function appendIdOf(announcements: readonly Announcement[]): string {
  const about = announcements.map(({ number, sends, message }) => [message.lineId, number, sends]);
  const id = createHash('sha256')
    .update(JSON.stringify(['batches.staged', about]))
    .digest()
    .subarray(0, 16);
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
