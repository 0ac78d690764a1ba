import type { Outbox, OutboxEntry, OutboxMessage } from '@millrace/messaging/outbox';
import type { BatchStaged } from '@millrace/topics';
import type { BuiltPartition, Commit, CommitStore, MartPartition, Progress, Staleness } from '../commit-store';
import { MemoryObservations } from '../../observation/memory/observations';
import { LineContradiction } from '../plan';

interface Staged {
  readonly batchId: number;
  readonly message: BatchStaged;
  contradictedBy: number | null;
}

interface Partition {
  touched: number;
  staleFrom: number;
  built: number;
  asked: number;
  answered: number;
  frozen?: { readonly ms: number; readonly touched: number; readonly asked: number };
}

const UNTOUCHED = { touched: 0, built: 0, asked: 0, answered: 0 };
const isStale = ({ touched, built, asked, answered, frozen }: Omit<Partition, 'staleFrom'>): boolean =>
  !frozen && (touched > built || asked > answered);

/** A model of the commit store: each call is one step that nothing comes between. */
export class MemoryCommitStore implements CommitStore {
  readonly outbox = new MemoryOutbox();
  readonly staged = new Map<number, Staged>();
  readonly applied = new Map<number, number>();
  readonly partitions = new Map<string, Partition & MartPartition>();
  /** Of the newest applied batch. */
  private contractsIndex = 0;
  readonly observations = new MemoryObservations({
    contractsApplied: () => this.contractsIndex,
    batchIds: (from, to) =>
      [...this.applied, ...[...this.staged].map(([number, { batchId }]): [number, number] => [number, batchId])]
        .filter(([number]) => number > from && number <= to)
        .map(([, batchId]) => batchId),
  });
  private told = 0;
  private cursor: { readonly lineId: string; number: number; plannedTo: number | null } | null = null;

  /** Everything up to this number is applied, and said. */
  isAt(number: number): boolean {
    return (this.cursor?.number ?? 0) === number && this.outbox.isEmpty;
  }

  async receive(batches: readonly BatchStaged[]): Promise<number | null> {
    if (batches.length === 0) return null;
    this.cursor ??= { lineId: batches[0].lineId, number: 0, plannedTo: null };
    const { lineId, number: cursor } = this.cursor;
    const stranger = batches.find((batch) => batch.lineId !== lineId);
    if (stranger)
      throw new LineContradiction(
        `batch ${stranger.batchId} is of line ${stranger.lineId}, this lake is of line ${lineId}`,
      );
    for (const message of batches) {
      if (message.number <= cursor) continue;
      const known = this.staged.get(message.number);
      if (!known) this.staged.set(message.number, { batchId: message.batchId, message, contradictedBy: null });
      else if (known.batchId !== message.batchId) known.contradictedBy = message.batchId;
    }
    for (const { number, batchId } of batches) {
      const known = this.staged.get(number)?.batchId ?? this.applied.get(number);
      if (known !== undefined && known !== batchId)
        throw new LineContradiction(`number ${number} was announced as batch ${batchId}, and is batch ${known}`);
    }
    return batches.some(({ number }) => number <= cursor) ? cursor : null;
  }

  async progress(): Promise<Progress | null> {
    if (!this.cursor) return null;
    const { lineId, number, plannedTo } = this.cursor;
    return { lineId, cursor: number, plannedTo };
  }

  async announced({ cursor }: Progress, limit: number): Promise<BatchStaged[]> {
    const beyond = [...this.staged].filter(([number]) => number > cursor).sort(([a], [b]) => a - b);
    const rows = beyond.slice(0, limit);
    const contradicted = rows.findIndex(([, row]) => row.contradictedBy !== null);
    if (contradicted === 0) {
      const [number, { batchId, contradictedBy }] = rows[0];
      throw new LineContradiction(`number ${number} was announced as batch ${batchId} and as batch ${contradictedBy}`);
    }
    return rows.slice(0, contradicted < 0 ? undefined : contradicted).map(([, { message }]) => message);
  }

  async plan({ lineId, cursor }: Progress, to: number): Promise<boolean> {
    const at = this.cursor;
    if (at?.lineId !== lineId || at.number !== cursor || at.plannedTo !== null) return false;
    at.plannedTo = to;
    return true;
  }

  async advance(commit: Commit): Promise<boolean> {
    const { lineId, cursor, to, touched, message, observed = [], contractsIndex = 0 } = commit;
    const at = this.cursor;
    if (at?.lineId !== lineId || at.number !== cursor || at.plannedTo !== to) return false;
    at.number = to;
    at.plannedTo = null;
    for (const [number, { batchId }] of [...this.staged]) {
      if (number > to) continue;
      this.staged.delete(number);
      this.applied.set(number, batchId);
    }
    for (const [mart, partitions] of touched) for (const partition of partitions) this.touch(mart, partition, to);
    this.contractsIndex = Math.max(this.contractsIndex, contractsIndex);
    this.observations.fold(observed);
    this.outbox.leave(message);
    return true;
  }

  async stale(marts: readonly string[], limit: number): Promise<{ cursor: number; marts: Map<string, Staleness> }> {
    const cursor = this.cursor?.number ?? 0;
    const found = new Map<string, Staleness>();
    for (const id of marts) {
      const stale = [...this.partitions.values()]
        .filter(({ mart, ...partition }) => mart === id && isStale(partition))
        .sort((a, b) => a.staleFrom - b.staleFrom || (a.partition < b.partition ? -1 : 1))
        .slice(0, limit);
      const upTo = stale.length < limit ? cursor : Math.min(cursor, stale[limit - 1].staleFrom - 1);
      found.set(id, { stale: stale.map(({ partition, staleFrom, asked }) => ({ partition, staleFrom, asked })), upTo });
    }
    return { cursor, marts: found };
  }

  async frozenAmong(partitions: readonly MartPartition[]): Promise<MartPartition[]> {
    return partitions.filter(({ mart, partition }) => this.partitions.get(`${mart}/${partition}`)?.frozen);
  }

  isStale({ mart, partition }: MartPartition): boolean {
    const known = this.partitions.get(`${mart}/${partition}`);
    return known !== undefined && isStale(known);
  }

  freeze({ mart, partition }: MartPartition, ms: number): void {
    const key = `${mart}/${partition}`;
    const known = this.partitions.get(key) ?? { mart, partition, ...UNTOUCHED, staleFrom: 0 };
    known.frozen ??= { ms, touched: known.touched, asked: known.asked };
    this.partitions.set(key, known);
  }

  frozenPartitions(): (MartPartition & { readonly frozenMs: number; readonly isLate: boolean })[] {
    return [...this.partitions.values()].flatMap(({ mart, partition, touched, asked, frozen }) =>
      frozen
        ? [{ mart, partition, frozenMs: frozen.ms, isLate: touched > frozen.touched || asked > frozen.asked }]
        : [],
    );
  }

  async again(partitions: readonly MartPartition[], number: number): Promise<void> {
    for (const { mart, partition } of partitions) {
      const known = this.partitions.get(`${mart}/${partition}`);
      if (known) known.asked++;
      else this.partitions.set(`${mart}/${partition}`, { mart, partition, ...UNTOUCHED, staleFrom: number, asked: 1 });
    }
  }

  async built(partitions: readonly BuiltPartition[], number: number, message: OutboxEntry): Promise<void> {
    for (const { mart, partition, asked } of partitions) {
      const row = this.partitions.get(`${mart}/${partition}`);
      if (!row) continue;
      row.built = Math.max(row.built, number);
      row.staleFrom = Math.max(row.staleFrom, number + 1);
      row.answered = Math.max(row.answered, asked);
    }
    this.outbox.leave(message);
  }

  async announce(...messages: readonly OutboxEntry[]): Promise<void> {
    for (const message of messages) this.outbox.leave(message);
  }

  async contractsTold(): Promise<number> {
    return this.told;
  }

  async tellContracts(from: number, to: number, messages: readonly OutboxEntry[]): Promise<boolean> {
    if (this.told !== from) return false;
    this.told = to;
    for (const message of messages) this.outbox.leave(message);
    return true;
  }

  async prune(keep: number): Promise<number> {
    const old = [...this.applied.keys()].filter((number) => number <= (this.cursor?.number ?? 0) - keep);
    for (const number of old) this.applied.delete(number);
    return old.length;
  }

  private touch(mart: string, partition: string, number: number): void {
    const key = `${mart}/${partition}`;
    const known = this.partitions.get(key);
    if (!known) {
      this.partitions.set(key, { mart, partition, ...UNTOUCHED, touched: number, staleFrom: number });
      return;
    }
    if (!isStale(known)) known.staleFrom = number;
    known.touched = Math.max(known.touched, number);
  }
}

/** Messages in the order in which they were left. */
export class MemoryOutbox implements Outbox {
  private readonly rows = new Map<string, OutboxMessage>();

  get isEmpty(): boolean {
    return this.rows.size === 0;
  }

  leave({ id, topic, body }: OutboxEntry): void {
    if (!this.rows.has(id)) this.rows.set(id, { id, topic, json: JSON.stringify(body) });
  }

  async due(limit: number): Promise<OutboxMessage[]> {
    return [...this.rows.values()].slice(0, limit);
  }

  async sent(messages: readonly OutboxMessage[]): Promise<void> {
    for (const { id } of messages) this.rows.delete(id);
  }
}
