import { MemoryReplay } from '../landing/memory/replay';
import type { JobState, MemoryLandingStore, WaitingState } from '../landing/memory/store';
import type { ReplayEntry } from '../landing/port';
import type { Job, NewJob, ReplayStore, Selection, StoredItem, WaitingItem } from './port';

/** Jobs and waiting events of the landing store's model. */
export class MemoryReplayStore implements ReplayStore {
  private jobs = 0;

  constructor(private readonly landing: MemoryLandingStore) {}

  async sample(tenant: string, selection: Selection, max: number): Promise<{ selected: number; ids: number[] }> {
    const ids = this.selected(tenant, selection).map(({ id }) => id);
    return { selected: ids.length, ids: ids.slice(0, max) };
  }

  async create(made: NewJob): Promise<Job> {
    const rows = this.selected(made.tenant, made.selection);
    const id = `00000000-0000-4000-8000-${String(++this.jobs).padStart(12, '0')}`;
    const job: JobState = {
      ...made,
      ...{ id, state: 'running', createdAt: new Date(this.landing.clock.now()), endedAt: null, endedBy: null },
      ...{ cursor: 0, upperId: Math.max(0, ...rows.map((row) => row.id)), selected: rows.length },
      ...{ landed: 0, duplicate: 0, failed: 0, failures: [], attempts: 0, suspectTo: null, epoch: null, triedTo: null },
    };
    this.landing.state.jobs.set(id, job);
    return { ...job };
  }

  async get(tenant: string, id: string): Promise<Job | null> {
    const job = this.landing.state.jobs.get(id);
    return job?.tenant === tenant ? { ...job } : null;
  }

  cancel(tenant: string, id: string, by: string): Promise<Job | null> {
    return this.end(id, (job) => job.tenant === tenant && job.state === 'running', { state: 'cancelled', endedBy: by });
  }

  async running(epoch: number): Promise<Job[]> {
    const found: Job[] = [];
    for (const job of this.landing.state.jobs.values()) {
      if (job.state !== 'running') continue;
      if (this.isFree(job.epoch, epoch)) {
        job.epoch = epoch;
        this.unfinished(job);
      }
      if (job.epoch === epoch) found.push({ ...job });
    }
    return found;
  }

  async note(id: string, epoch: number, upTo: number): Promise<boolean> {
    const job = this.landing.state.jobs.get(id);
    if (job?.epoch !== epoch || job.state !== 'running') return false;
    job.triedTo = upTo;
    return true;
  }

  async failed(id: string, epoch: number): Promise<void> {
    const job = this.landing.state.jobs.get(id);
    if (job?.epoch !== epoch || job.state !== 'running') return;
    job.triedTo ??= job.cursor;
    this.unfinished(job);
  }

  async items({ tenant, selection, cursor, upperId }: Job, limit: number): Promise<StoredItem[]> {
    return this.selected(tenant, selection)
      .filter(({ id }) => id > cursor && id <= upperId)
      .sort((a, b) => a.id - b.id)
      .slice(0, limit);
  }

  async load(ids: readonly number[]): Promise<StoredItem[]> {
    return this.landing.state.quarantine.filter(({ id, status }) => status === 'open' && ids.includes(id));
  }

  async pass(entry: ReplayEntry): Promise<boolean> {
    const effects: (() => void)[] = [];
    const owner = {};
    const entered = await new MemoryReplay(this.landing, owner, effects).enter(entry);
    if (entered !== 'over') for (const effect of effects) effect();
    this.landing.locks.release(owner);
    return entered !== 'over';
  }

  finish(id: string, epoch: number): Promise<Job | null> {
    return this.end(id, (job) => job.epoch === epoch && job.state === 'running', { state: 'done' });
  }

  async takeWaiting(epoch: number): Promise<WaitingItem | null> {
    const nowMs = this.landing.clock.now();
    const [due] = [...this.landing.state.waiting.values()]
      .filter((row) => row.nextMs <= nowMs && (row.epoch === epoch || this.isFree(row.epoch, epoch)))
      .sort((a, b) => a.nextMs - b.nextMs);
    if (!due) return null;
    if (due.epoch !== null) due.interrupted++;
    due.epoch = epoch;
    const { error: lastError, ...item } = due;
    return { ...item, lastError };
  }

  async waitAgain(id: number, epoch: number, error: string, retryInMs: number): Promise<void> {
    const row = this.taken(id, epoch);
    if (!row) return;
    const nextMs = this.landing.clock.now() + retryInMs;
    Object.assign(row, { epoch: null, attempts: row.attempts + 1, error, nextMs });
  }

  async giveBack(id: number, epoch: number): Promise<void> {
    const row = this.taken(id, epoch);
    if (row) row.epoch = null;
  }

  private taken(id: number, epoch: number): WaitingState | null {
    const row = this.landing.state.waiting.get(id);
    return row?.epoch === epoch ? row : null;
  }

  private isFree(owner: number | null, epoch: number): boolean {
    return owner === null || (owner !== epoch && !this.landing.state.workers.get(owner)?.alive);
  }

  private unfinished(job: JobState): void {
    if (job.triedTo === null) return;
    Object.assign(job, { attempts: job.attempts + 1, suspectTo: job.triedTo, triedTo: null });
  }

  /** Waits for a landing of the job that is under way. */
  private async end(id: string, when: (job: JobState) => boolean, change: Partial<JobState>): Promise<Job | null> {
    const owner = {};
    await this.landing.locks.lock(owner, `job/${id}`);
    try {
      const job = this.landing.state.jobs.get(id);
      if (!job || !when(job)) return null;
      Object.assign(job, { ...change, endedAt: new Date(this.landing.clock.now()) });
      return { ...job };
    } finally {
      this.landing.locks.release(owner);
    }
  }

  private selected(tenant: string, { group, ids, filter = {} }: Selection): MemoryLandingStore['state']['quarantine'] {
    return this.landing.state.quarantine.filter(
      (row) =>
        row.tenant === tenant &&
        row.status === 'open' &&
        (group === undefined || row.groupId === group) &&
        (ids === undefined || ids.includes(String(row.id))) &&
        (filter.reason === undefined || row.reason === filter.reason) &&
        (filter.eventType === undefined || row.eventType === filter.eventType) &&
        (filter.source === undefined || row.source === filter.source) &&
        (filter.from === undefined || Date.parse(row.acceptedAt) >= Date.parse(filter.from)) &&
        (filter.to === undefined || Date.parse(row.acceptedAt) < Date.parse(filter.to)),
    );
  }
}
