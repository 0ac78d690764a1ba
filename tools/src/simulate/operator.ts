import type { CurationPorts, Job, MemoryReplayStore } from '@millrace/curation-worker/simulation';
import type { Faults } from './faults';
import { FOUND_AGAIN, MISLAID } from './requests';
import type { SeededRandom } from './random';
import type { Shared } from './shared';
import { TENANT } from './webhooks';

/** What the operator replays: by a recipe that finds mislaid shipments again, and as it came what nobody was to blame for. */
const ASKED = [
  { selection: { filter: { reason: 'unknown_value' } }, recipe: { name: 'found', version: 1 } },
  { selection: { filter: { reason: 'unknown_value' } }, recipe: null },
  { selection: { filter: { reason: 'dead_letter' } }, recipe: null },
] as const;
/** Few a second, so that a job has several batches. */
const RATE = 4;

/** The recipe: it mends what was mislaid and leaves everything else as it is. */
export const mend: NonNullable<CurationPorts['mend']> = async (_tenant, { name, version }, items) => ({
  mended: new Map(
    items.flatMap(({ id, raw }) => {
      const text = raw.toString('utf8');
      if (!text.includes(MISLAID)) return [];
      const value = Buffer.from(text.replace(MISLAID, FOUND_AGAIN));
      return [[id, { value, recipe: `${name}@${version}` }]];
    }),
  ),
  failures: [],
});

/** Somebody who replays what is in quarantine, and now and then thinks better of it. */
export class Operator {
  private readonly random: SeededRandom;
  private readonly last: Job[] = [];
  /** Items that were ever quarantined when the last jobs were begun. */
  private quarantined = -1;
  private asking = false;

  constructor(
    private readonly shared: Shared,
    private readonly faults: Faults,
  ) {
    this.random = shared.world.random.fork();
  }

  start(): void {
    const { world } = this.shared;
    const again = (): void =>
      void world.after(this.random.between(1_000, 6_000), () => {
        if (!this.faults.active) return;
        void this.act();
        again();
      });
    again();
  }

  /** Whether nothing is left that a replay would heal; begins the replays that are to show it. */
  isAtRest(): boolean {
    const { landing } = this.shared;
    if (this.asking || [...landing.state.jobs.values()].some(({ state }) => state === 'running')) return false;
    const healed = this.last.some(({ id }) => {
      const job = landing.state.jobs.get(id);
      return job?.state !== 'done' || job.landed + job.duplicate > 0;
    });
    if (!healed && this.quarantined === landing.state.quarantine.length) return true;
    this.asking = true;
    void this.askAll().finally(() => (this.asking = false));
    return false;
  }

  private async askAll(): Promise<void> {
    this.last.length = 0;
    this.quarantined = this.shared.landing.state.quarantine.length;
    for (const asked of ASKED) this.last.push(await this.begin(asked));
  }

  private async act(): Promise<void> {
    const running = [...this.shared.landing.state.jobs.values()].filter(({ state }) => state === 'running');
    if (running.length > 0 && this.random.chance(0.3)) {
      const { id } = this.random.pick(running);
      this.shared.world.trace(`the replay ${id} is cancelled`);
      await this.store.cancel(TENANT, id, 'operator');
      return;
    }
    await this.begin(this.random.pick(ASKED));
  }

  private get store(): MemoryReplayStore {
    return this.shared.replays;
  }

  private async begin(asked: (typeof ASKED)[number]): Promise<Job> {
    const job = await this.store.create({ ...asked, tenant: TENANT, rate: RATE, createdBy: 'operator' });
    this.shared.world.trace(`the replay ${job.id} of ${job.selected} items is begun`);
    return job;
  }
}
