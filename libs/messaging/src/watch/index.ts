import type { Logger, Metrics } from '@millrace/observability';
import type { Messaging } from '../port';
import { WakeUp } from '../subscription/wake-up';
import { systemTimers, type Timers } from '../timers';
import { type Alarm, type AlarmLimits, alarmsOf } from './alarms';

export { type Alarm, type AlarmLimits, alarmsOf } from './alarms';

export interface LogWatchOptions extends Partial<AlarmLimits> {
  readonly messaging: Pick<Messaging, 'backlog'>;
  /** Those that the service writes to: it is the one that suffers when they are full. */
  readonly topics: readonly string[];
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** How often the topics are looked at, ms (default 15,000). */
  readonly everyMs?: number;
  readonly timers?: Timers;
}

const UNREAD_MS_MAX = 15 * 60_000;
const FULL_SHARE_MAX = 0.75;

/**
 * Watches how far the registered groups of topics are behind and how full the topics are: as metrics, as a line in the
 * log when an alarm begins and when it is over, and as a notice at `/readiness`. A resource of a service.
 */
export class LogWatch {
  readonly name = 'log watch';
  private alarms = new Map<string, Alarm>();
  private running: Promise<void> = Promise.resolve();
  private stopped = false;
  private readonly pause: WakeUp;
  private readonly gauges;

  constructor(private readonly options: LogWatchOptions) {
    this.pause = new WakeUp(options.timers ?? systemTimers);
    const { metrics } = options;
    this.gauges = {
      records: metrics.gauge('millrace_log_unread_records', 'Records that a group has not acknowledged.', [
        'topic',
        'group',
      ]),
      age: metrics.gauge('millrace_log_unread_seconds', 'Age of the oldest record that a group has not acknowledged.', [
        'topic',
        'group',
      ]),
      filled: metrics.gauge('millrace_log_filled_ratio', 'Bytes of a topic, as a share of what it may hold.', [
        'topic',
      ]),
      alarms: metrics.gauge('millrace_log_alarms', 'Groups that have not read their topic for too long.'),
    };
  }

  async start(): Promise<void> {
    this.stopped = false;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.pause.notify();
    await this.running;
  }

  /** What is wrong now, for people; null when nothing is. */
  notice(): string | null {
    return this.alarms.size === 0 ? null : [...this.alarms.values()].map(({ text }) => text).join('; ');
  }

  /** Looks once. */
  async look(): Promise<void> {
    const { messaging, topics, logger, unreadMsMax = UNREAD_MS_MAX, fullShareMax = FULL_SHARE_MAX } = this.options;
    const found = new Map<string, Alarm>();
    for (const topic of topics) {
      const backlog = await messaging.backlog(topic);
      for (const { group, records, ageMs } of backlog.groups) {
        this.gauges.records.set({ topic, group }, records);
        this.gauges.age.set({ topic, group }, ageMs / 1_000);
      }
      if (backlog.bytesMax !== null) this.gauges.filled.set({ topic }, backlog.bytes / backlog.bytesMax);
      for (const alarm of alarmsOf(topic, backlog, { unreadMsMax, fullShareMax }))
        found.set(`${alarm.topic} ${alarm.group}`, alarm);
    }
    for (const [key, { topic, group, text }] of found)
      if (!this.alarms.has(key)) logger.error({ topic, group, reason: text }, 'a group does not read its topic');
    for (const [key, { topic, group }] of this.alarms)
      if (!found.has(key)) logger.info({ topic, group }, 'a group reads its topic again');
    this.alarms = found;
    this.gauges.alarms.set(found.size);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      // While the log is away other alarms speak.
      await this.look().catch((error: unknown) =>
        this.options.logger.debug({ error: error as Error }, 'the log could not be watched'),
      );
      if (!this.stopped) await this.pause.wait(this.options.everyMs ?? 15_000);
    }
  }
}
