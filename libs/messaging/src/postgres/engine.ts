import { newAppendId } from '../append-id';
import { APPEND_LIMITS, type AppendLimits } from '../placement';
import {
  type Appended,
  type Backlog,
  type Messaging,
  MessagingError,
  type RecordBatch,
  type SubscribeOptions,
  type TopicOptions,
} from '../port';
import { LogSubscription } from '../subscription/log-subscription';
import type { LogSource } from '../subscription/source';
import { systemTimers, type Timers } from '../timers';
import { Appender } from './appender';
import { readBacklog } from './backlog';
import { BatchReader } from './batch-reader';
import { PostgresMembership } from './membership';
import { Sessions } from './session';
import { Topics } from './topics';
import { Trimmer } from './trimmer';
import { Wire } from './wire';

export interface PostgresMessagingOptions {
  /** Of the database whose schema `log` has the migrations in MIGRATIONS_DIR. */
  readonly url: string;
  readonly applicationName: string;
  /**
   * Names this process in its groups (default: random). A process that comes back under its name takes its partitions
   * over at once instead of after their leases; two that live under one name take them from each other.
   */
  readonly memberId?: string;
  /** How long after a member's last sign of life its partitions go to others (default 10,000). */
  readonly leaseMs?: number;
  /** Deliveries in flight may be acknowledged for this long when a partition is given up (default 5,000). */
  readonly graceMs?: number;
  /** Readers look for appends this often when they hear of none (default 1,000). */
  readonly pollMs?: number;
  /** Connections for appends, at most (default 4). */
  readonly appendConnectionsMax?: number;
  /** Connections for everything else but one that listens, at most (default 3). */
  readonly workConnectionsMax?: number;
  /** A statement of the engine ends after this long (default 15,000). */
  readonly statementTimeoutMs?: number;
  /** How long an append of unknown outcome is repeated under its id (default 15,000). */
  readonly appendRetryMs?: number;
  /** Appends under way and waiting; beyond that they are refused as MESSAGING_UNAVAILABLE (default 1,000). */
  readonly appendsPendingMax?: number;
  /** Bytes of their values (default 64 MiB). */
  readonly appendBytesPendingMax?: number;
  readonly limits?: AppendLimits;
  /** Batches younger than this are never trimmed, because their append may still be repeated (default 60,000). */
  readonly keepMs?: number;
  /** How often the topics that this process uses are trimmed; 0 for never (default 60,000). */
  readonly trimEveryMs?: number;
  readonly timers?: Timers;
  /** Told of failures that the engine gets over by itself. */
  readonly onError?: (error: unknown) => void;
}

/** The port on Postgres: a row a batch, offsets under the lock of a partition's head, leases by the database's clock. */
export class PostgresMessaging implements Messaging {
  private readonly timers: Timers;
  private readonly appendSessions: Sessions;
  private readonly workSessions: Sessions;
  private readonly topics: Topics;
  private readonly wire: Wire;
  private readonly appender: Appender;
  private readonly trimmer: Trimmer;
  private readonly memberId: string;
  private readonly memberships = new Map<string, number>();
  private readonly subscriptions = new Set<LogSubscription>();
  private readonly onError: (error: unknown) => void;
  private closing: Promise<void> | null = null;

  constructor(private readonly options: PostgresMessagingOptions) {
    const { url, applicationName } = options;
    const timers = (this.timers = options.timers ?? systemTimers);
    this.onError = options.onError ?? (() => undefined);
    this.memberId = options.memberId ?? newAppendId();
    const common = {
      url,
      applicationName,
      timers,
      onError: this.onError,
      statementTimeoutMs: options.statementTimeoutMs ?? 15_000,
    };
    const appendSessionsMax = options.appendConnectionsMax ?? 4;
    // Acknowledged means durable, whatever the role or the database says otherwise.
    const durable = { settings: { synchronous_commit: 'on' } };
    this.appendSessions = new Sessions({ ...common, ...durable, connectionsMax: appendSessionsMax });
    this.workSessions = new Sessions({ ...common, connectionsMax: options.workConnectionsMax ?? 3 });
    this.topics = new Topics(this.workSessions);
    this.wire = new Wire({ url, applicationName, timers, onError: this.onError });
    this.trimmer = new Trimmer({
      sessions: this.workSessions,
      topics: this.topics,
      timers,
      keepMs: options.keepMs ?? 60_000,
      everyMs: options.trimEveryMs ?? 60_000,
      onError: this.onError,
    });
    this.appender = new Appender({
      sessions: this.appendSessions,
      sessionsMax: appendSessionsMax,
      topics: this.topics,
      timers,
      limits: options.limits ?? APPEND_LIMITS,
      retryMs: options.appendRetryMs ?? 15_000,
      pendingMax: options.appendsPendingMax ?? 1_000,
      pendingBytesMax: options.appendBytesPendingMax ?? 64 * 1024 * 1024,
      onError: this.onError,
      makeRoom: (topic) => this.trimmer.makeRoom(topic),
      onAppended: ({ id }, appended) =>
        this.wire.announce(
          id,
          appended.map(({ partition, base, count }) => [Number(partition), (base ?? 0) + count] as const),
        ),
    });
  }

  async ensureTopic(topic: string, { partitions, retentionMs, bytesMax }: TopicOptions): Promise<void> {
    this.assertOpen();
    const values = [topic, partitions, retentionMs ?? null, bytesMax ?? null];
    await this.workSessions.query('log.ensure-topic', 'SELECT log.ensure_topic($1, $2, $3, $4)', values);
    this.topics.forget(topic);
  }

  async ensureGroup(topic: string, group: string, from: 'earliest' | 'latest' = 'earliest'): Promise<void> {
    this.assertOpen();
    await this.groupId((await this.topics.get(topic)).id, group, from);
  }

  async append(topic: string, batch: RecordBatch, options?: { readonly partition?: string }): Promise<Appended[]> {
    this.assertOpen();
    return this.appender.append(topic, batch, options?.partition);
  }

  async subscribe(options: SubscribeOptions): Promise<LogSubscription> {
    this.assertOpen();
    const { id } = await this.topics.get(options.topic);
    const reader = new BatchReader(this.workSessions, id);
    const source: LogSource = {
      topic: options.topic,
      ends: () => this.endsOf(id),
      read: (partition, from, limits) => reader.read(partition, from, limits),
      listen: (listener) => this.wire.listen(id, listener),
    };
    const subscription: LogSubscription = new LogSubscription(
      {
        source,
        membership: options.group === null ? null : await this.join(id, options.group, options.from),
        timers: this.timers,
        timing: {
          leaseMs: this.options.leaseMs ?? 10_000,
          pollMs: this.options.pollMs ?? 1_000,
          graceMs: this.options.graceMs ?? 5_000,
        },
        onError: this.onError,
        onClosed: () => this.subscriptions.delete(subscription),
      },
      options,
    );
    this.assertOpen();
    this.subscriptions.add(subscription);
    return subscription.start().catch((error) => {
      this.subscriptions.delete(subscription);
      throw error;
    });
  }

  async ends(topic: string): Promise<ReadonlyMap<string, number>> {
    this.assertOpen();
    const ends = await this.endsOf((await this.topics.get(topic)).id);
    return new Map([...ends].map(([partition, end]) => [String(partition), end]));
  }

  async committed(topic: string, group: string): Promise<ReadonlyMap<string, number>> {
    this.assertOpen();
    const { id } = await this.topics.get(topic);
    const rows = await this.workSessions.query<{ part: number; next: string }>(
      'log.committed',
      `SELECT p.part, p.next FROM log.position p JOIN log.consumer_group g ON g.id = p.grp
       WHERE g.topic = $1 AND g.name = $2 ORDER BY p.part`,
      [id, group],
    );
    return new Map(rows.map(({ part, next }) => [String(part), Number(next)]));
  }

  async backlog(topic: string): Promise<Backlog> {
    this.assertOpen();
    return readBacklog(this.workSessions, (await this.topics.get(topic)).id);
  }

  async trim(topic: string): Promise<number> {
    this.assertOpen();
    return this.trimmer.trim(topic);
  }

  /** Lets appends under way finish, closes subscriptions, then connections. */
  close(): Promise<void> {
    this.closing ??= this.shutDown(true);
    return this.closing;
  }

  /** Stops as a crash would, for tests of what others then do: leases are left to lapse. */
  abandon(): Promise<void> {
    this.closing ??= this.shutDown(false);
    return this.closing;
  }

  private async shutDown(orderly: boolean): Promise<void> {
    if (orderly) await Promise.all([this.appender.settled(), ...[...this.subscriptions].map((s) => s.close())]);
    else for (const subscription of this.subscriptions) subscription.abandon();
    await this.trimmer.close();
    await this.wire.close();
    await Promise.all([this.appendSessions.close(), this.workSessions.close()]);
  }

  private async join(topic: number, group: string, from?: 'earliest' | 'latest'): Promise<PostgresMembership> {
    const id = await this.groupId(topic, group, from ?? 'earliest');
    const nth = (this.memberships.get(`${id}`) ?? 0) + 1;
    this.memberships.set(`${id}`, nth);
    return new PostgresMembership(this.workSessions, id, `${this.memberId}/${nth}`, this.options.leaseMs ?? 10_000);
  }

  private async groupId(topic: number, group: string, from: 'earliest' | 'latest'): Promise<number> {
    const [{ id }] = await this.workSessions.query<{ id: number }>(
      'log.ensure-group',
      'SELECT log.ensure_group($1, $2, $3) AS id',
      [topic, group, from === 'latest'],
    );
    return id;
  }

  private async endsOf(topic: number): Promise<Map<number, number>> {
    const rows = await this.workSessions.query<{ part: number; next: string }>(
      'log.ends',
      'SELECT part, next FROM log.head WHERE topic = $1 ORDER BY part',
      [topic],
    );
    return new Map(rows.map(({ part, next }) => [part, Number(next)]));
  }

  private assertOpen(): void {
    if (this.closing) throw new MessagingError('MESSAGING_CLOSED', 'messaging is closed');
  }
}
