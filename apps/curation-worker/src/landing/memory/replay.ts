import { noteFailures } from '../../replay/failures';
import type { ReplayEntry, SettledRow } from '../port';
import type { JobState, MemoryLandingStore, QuarantineState } from './store';

/** The replay's part of a landing, in the store's model. */
export class MemoryReplay {
  private readonly rows = new Map<number, QuarantineState>();
  private job: JobState | null = null;

  constructor(
    private readonly store: MemoryLandingStore,
    private readonly owner: object,
    /** What happens at the commit. */
    private readonly effects: (() => void)[],
  ) {}

  async enter({ from, ids, job, skipped = [] }: ReplayEntry): Promise<ReadonlySet<number> | 'over'> {
    const { state } = this.store;
    if (from === 'waiting') {
      for (const id of [...ids].sort((a, b) => a - b)) await this.store.locks.lock(this.owner, `waiting/${id}`);
      const left = ids.filter((id) => state.waiting.has(id));
      this.effects.push(() => left.forEach((id) => state.waiting.delete(id)));
      return new Set(left);
    }
    if (job && !(await this.moveJob(job))) return 'over';
    const all = [...ids, ...skipped.map(({ id }) => id)].sort((a, b) => a - b);
    for (const id of all) await this.store.locks.lock(this.owner, `quarantine/${id}`);
    for (const row of state.quarantine) if (row.status === 'open' && all.includes(row.id)) this.rows.set(row.id, row);
    this.effects.push(() => {
      const left = skipped.filter(({ id }) => this.rows.has(id));
      for (const { id, failure } of left) {
        const row = this.rows.get(id) as QuarantineState;
        row.replays++;
        row.lastFailure = failure;
      }
      if (!this.job) return;
      this.job.failed += left.length;
      const failures = structuredClone([...this.job.failures]) as Parameters<typeof noteFailures>[0];
      noteFailures(
        failures,
        left.map(({ id, failure }) => ({ id, cause: failure, group: null })),
      );
      this.job.failures = failures;
    });
    return new Set(ids.filter((id) => this.rows.has(id)));
  }

  settle(settled: readonly SettledRow[]): void {
    this.effects.push(() => {
      for (const { id, healedAs, again, mended } of settled) {
        const row = this.rows.get(id);
        if (!row) throw new Error(`row ${id} was not entered`);
        const change = healedAs ? ({ status: 'replayed', healedAs } as const) : again;
        Object.assign(row, { ...change, mended, replays: row.replays + 1, lastFailure: null });
        if (!this.job) continue;
        if (healedAs) this.job[healedAs]++;
        else this.job.failed++;
      }
    });
  }

  private async moveJob({ id, epoch, after, upTo }: NonNullable<ReplayEntry['job']>): Promise<boolean> {
    await this.store.locks.lock(this.owner, `job/${id}`);
    const job = this.store.state.jobs.get(id);
    if (job?.epoch !== epoch || job.cursor !== after || job.state !== 'running') return false;
    this.job = job;
    this.effects.push(() => {
      const suspected = job.suspectTo !== null && job.suspectTo > upTo;
      Object.assign(job, { cursor: upTo, triedTo: null });
      if (!suspected) Object.assign(job, { attempts: 0, suspectTo: null });
    });
    return true;
  }
}
