import { MessagingError } from '../port';
import type { Sessions } from './session';

export interface TopicRow {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
  readonly bytesMax: number | null;
  readonly retentionMs: number | null;
}

/** Topics by name, remembered: their ids never change, and `log.append` says when their partitions did. */
export class Topics {
  private readonly known = new Map<string, TopicRow>();

  constructor(private readonly sessions: Sessions) {}

  /** @throws MessagingError MESSAGING_NO_TOPIC */
  async get(name: string): Promise<TopicRow> {
    return this.known.get(name) ?? this.load(name);
  }

  /** As it is in the database now. */
  async load(name: string): Promise<TopicRow> {
    const [row] = await this.sessions.query<{
      id: number;
      partitions: number;
      bytes_max: string | null;
      retention_ms: string | null;
    }>('log.topic', 'SELECT id, partitions, bytes_max, retention_ms FROM log.topic WHERE name = $1', [name]);
    if (!row) throw new MessagingError('MESSAGING_NO_TOPIC', `there is no topic ${name}`, { topic: name });
    const topic = {
      id: row.id,
      name,
      partitions: row.partitions,
      bytesMax: row.bytes_max === null ? null : Number(row.bytes_max),
      retentionMs: row.retention_ms === null ? null : Number(row.retention_ms),
    };
    this.known.set(name, topic);
    return topic;
  }

  forget(name: string): void {
    this.known.delete(name);
  }

  names(): string[] {
    return [...this.known.keys()];
  }
}
