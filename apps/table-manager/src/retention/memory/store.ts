import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { MemoryCommitStore } from '../../commit/memory/store';
import type { Removal, RemovalDone, RemovalDraft, RetentionStore, FrozenCount, FrozenPartition } from '../port';
import { type Horizon, horizonAt } from '../horizon';
import { partitionsIn, rowsIn, settledFiles } from '../settled-files';
import { cutOffOf } from '../terms';

interface Kept {
  readonly removal: Removal;
  status: 'planned' | 'done' | 'abandoned';
  version: number;
  at: number;
}

/** A model of the retention store, over the model of the commit store. */
export class MemoryRetentionStore implements RetentionStore {
  private readonly removals: Kept[] = [];
  private known: Horizon | null = null;

  constructor(
    private readonly commits: MemoryCommitStore,
    private readonly now: () => number,
  ) {}

  async horizon(nowMs: number, newestMs: number): Promise<number> {
    const { atMs, moved } = horizonAt(nowMs, newestMs, this.known);
    if (moved) this.known = moved;
    return atMs;
  }

  async planned(): Promise<Removal[]> {
    return this.removals.filter(({ status }) => status === 'planned').map(({ removal }) => removal);
  }

  async plan(draft: RemovalDraft, holding: ReadonlySet<string>) {
    const states = partitionsIn(draft.files).map((each) => ({ ...each, isStale: this.commits.isStale(each) }));
    const { files, waiting } = settledFiles(draft.files, states, holding);
    const taken = this.removals.some(({ status, removal }) => status === 'planned' && removal.table === draft.table);
    if (files.length === 0 || taken) return { removal: null, waiting };
    const { seqAfter, ...rest } = draft;
    const before = this.removals.flatMap(({ removal }) => (removal.table === draft.table ? [removal.seq] : []));
    const removal = { ...rest, files, seq: Math.max(seqAfter, ...before) + 1 };
    this.removals.push({ removal, status: 'planned', version: -1, at: 0 });
    for (const each of partitionsIn(files)) this.commits.freeze(each, this.now());
    return { removal, waiting };
  }

  async abandon({ id }: Removal): Promise<void> {
    const kept = this.find(id);
    if (kept) kept.status = 'abandoned';
  }

  async done({ id }: Removal, version: number, messages: readonly OutboxEntry[]): Promise<boolean> {
    const kept = this.find(id);
    if (!kept) return false;
    Object.assign(kept, { status: 'done', version, at: this.now() });
    for (const message of messages) this.commits.outbox.leave(message);
    return true;
  }

  async history(table: string, limit: number): Promise<RemovalDone[]> {
    const done = this.removals.filter(({ status, removal }) => status === 'done' && removal.table === table);
    return done
      .reverse()
      .slice(0, limit)
      .map(({ removal: { id, terms, files, decidedAtMs }, version, at }) => {
        const rows = rowsIn(files);
        return {
          ...{ id, table, version, files: files.length, at: new Date(at).toISOString() },
          bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
          datasets: terms.flatMap((term) =>
            rows[term.dataset] > 0
              ? [{ dataset: term.dataset, rows: rows[term.dataset], cutOff: cutOffOf(term, decidedAtMs) }]
              : [],
          ),
        };
      });
  }

  async frozenCounts(): Promise<FrozenCount[]> {
    const counts = new Map<string, { mart: string; frozen: number; late: number }>();
    for (const { mart, isLate } of this.commits.frozenPartitions()) {
      const count = counts.get(mart) ?? { mart, frozen: 0, late: 0 };
      counts.set(mart, { mart, frozen: count.frozen + 1, late: count.late + Number(isLate) });
    }
    return [...counts.values()].sort((a, b) => (a.mart < b.mart ? -1 : 1));
  }

  async frozen(mart: string, limit: number): Promise<FrozenPartition[]> {
    return this.commits
      .frozenPartitions()
      .filter((each) => each.mart === mart)
      .sort((a, b) => (a.partition < b.partition ? 1 : -1))
      .slice(0, limit)
      .map(({ partition, frozenMs, isLate }) => ({ partition, frozenAt: new Date(frozenMs).toISOString(), isLate }));
  }

  private find(id: string): Kept | undefined {
    return this.removals.find(({ removal, status }) => removal.id === id && status === 'planned');
  }
}
