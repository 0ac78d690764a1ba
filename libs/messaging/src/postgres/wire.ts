import { createPool, type Pool, type PoolClient } from '@millrace/postgres';
import { Backoff } from '../subscription/backoff';
import type { SourceListener } from '../subscription/source';
import type { Timers } from '../timers';

export interface WireOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly timers: Timers;
  readonly onError: (error: unknown) => void;
}

/** Announcements of one process are at least this far apart. */
const ANNOUNCE_MS = 25;
const SILENCE_MS = 5_000;
const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 2_000;
const channelOf = (topic: number): string => `millrace_log_${topic}`;

/**
 * The connection on which a process says that it appended and hears that others did (LISTEN and NOTIFY).
 *
 * Appends are announced after their commit, some together, and not by the transaction that appends: a transaction that
 * notifies holds a lock of the whole server while it waits for the disk, which would undo group commit for everyone.
 * An announcement may be lost with its process; readers look for themselves now and then.
 */
export class Wire {
  private readonly pool: Pool;
  private readonly listeners = new Map<number, Set<SourceListener>>();
  private readonly backoff = new Backoff(RECONNECT_MIN_MS, RECONNECT_MAX_MS);
  private client: PoolClient | null = null;
  private connecting = false;
  private closed = false;
  private unannounced = new Map<number, Map<number, number>>();
  private announcing = false;
  private turn: Promise<void> = Promise.resolve();
  private cancels = new Set<() => void>();

  constructor(private readonly options: WireOptions) {
    this.pool = createPool({
      url: options.url,
      max: 1,
      applicationName: `${options.applicationName} listener`,
      onIdleError: options.onError,
    });
  }

  listen(topic: number, listener: SourceListener): () => void {
    const listeners = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, listeners.add(listener));
    if (!this.client) this.connect();
    else if (listeners.size === 1)
      this.send(`LISTEN ${channelOf(topic)}`).then(
        () => listener.onResumed(),
        () => undefined,
      );
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || !this.listeners.delete(topic) || !this.client) return;
      this.send(`UNLISTEN ${channelOf(topic)}`).catch(() => undefined);
    };
  }

  /** Tells readers how far partitions reach now. Best effort, soon. */
  announce(topic: number, ends: Iterable<readonly [partition: number, end: number]>): void {
    if (this.closed) return;
    const known = this.unannounced.get(topic) ?? new Map<number, number>();
    for (const [partition, end] of ends) known.set(partition, Math.max(end, known.get(partition) ?? 0));
    this.unannounced.set(topic, known);
    // Without a connection they wait for it, one end a partition.
    if (!this.client) this.connect();
    else if (!this.announcing) void this.announceAll();
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const cancel of this.cancels) cancel();
    this.drop(new Error('closed'));
    await this.pool.end();
  }

  private async announceAll(): Promise<void> {
    this.announcing = true;
    while (this.unannounced.size > 0 && this.client) {
      const channels: string[] = [];
      const messages: string[] = [];
      for (const [topic, ends] of this.unannounced) {
        channels.push(channelOf(topic));
        messages.push(`e:${[...ends].map(([partition, end]) => `${partition}=${end}`).join(',')}`);
      }
      this.unannounced.clear();
      const text = 'SELECT pg_notify(c, m) FROM unnest($1::text[], $2::text[]) AS n (c, m)';
      await this.send({ name: 'log.announce', text, values: [channels, messages] }).catch(() => undefined);
      await new Promise<void>((resolve) => this.later(ANNOUNCE_MS, resolve));
    }
    this.announcing = false;
  }

  private connect(): void {
    if (this.connecting || this.client || this.closed) return;
    this.connecting = true;
    this.open().then(
      () => this.backoff.reset(),
      (error) => {
        this.connecting = false;
        if (this.closed) return;
        this.options.onError(error);
        this.later(this.backoff.nextMs(), () => this.connect());
      },
    );
  }

  private async open(): Promise<void> {
    const client = await this.pool.connect();
    if (this.closed) return client.release(new Error('closed'));
    this.client = client;
    this.connecting = false;
    client.on('notification', ({ channel, payload }) => this.hear(channel, payload ?? ''));
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client, new Error('Connection terminated')));
    for (const topic of this.listeners.keys()) await this.send(`LISTEN ${channelOf(topic)}`);
    for (const listeners of this.listeners.values()) for (const listener of listeners) listener.onResumed();
    if (!this.announcing) void this.announceAll();
  }

  /** One statement after the other; a failure loses the connection. */
  private send(query: string | { name: string; text: string; values: unknown[] }): Promise<void> {
    const turn = this.turn.then(() => this.sendNow(query));
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  private async sendNow(query: string | { name: string; text: string; values: unknown[] }): Promise<void> {
    const client = this.client;
    if (!client) return;
    const cancel = this.later(SILENCE_MS, () =>
      this.lost(client, new Error('Connection terminated: no answer in time')),
    );
    try {
      await client.query(query as string);
    } catch (error) {
      this.lost(client, error as Error);
      throw error;
    } finally {
      cancel();
    }
  }

  private lost(client: PoolClient, error: Error): void {
    if (this.client !== client) return;
    this.drop(error);
    if (this.closed) return;
    this.options.onError(error);
    this.later(this.backoff.nextMs(), () => this.connect());
  }

  private drop(error: Error): void {
    const client = this.client;
    this.client = null;
    client?.removeAllListeners('notification');
    client?.release(error);
  }

  private hear(channel: string, message: string): void {
    const listeners = this.listeners.get(Number(channel.slice(channelOf(0).length - 1)));
    if (!listeners) return;
    if (message.startsWith('g:')) for (const listener of listeners) listener.onGroupChanged(message.slice(2));
    if (!message.startsWith('e:')) return;
    const ends = new Map<number, number>();
    for (const pair of message.slice(2).split(',')) {
      const [partition, end] = pair.split('=').map(Number);
      if (Number.isSafeInteger(partition) && Number.isSafeInteger(end)) ends.set(partition, end);
    }
    for (const listener of listeners) listener.onEnds(ends);
  }

  private later(ms: number, fn: () => void): () => void {
    const cancel = this.options.timers.after(ms, () => {
      this.cancels.delete(cancel);
      fn();
    });
    this.cancels.add(cancel);
    return () => {
      this.cancels.delete(cancel);
      cancel();
    };
  }
}
