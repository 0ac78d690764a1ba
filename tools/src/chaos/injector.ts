import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSeen } from '../checker/observations';
import type { CommitCutter } from './commit-cutter';
import { faultPlan, type PlannedFault, roleOf } from './fault-plan';
import { between, type Uniform } from './random';
import type { MillraceSystem } from './system';

export interface InjectorOptions {
  readonly system: MillraceSystem;
  readonly cutter: CommitCutter;
  readonly random: Uniform;
  /** Rests between two faults, ms: uniform between the two. */
  readonly restMs: readonly [number, number];
  readonly onFault: (fault: FaultSeen, kills: number) => void;
}

const TURN_MS = 100;
/** A target that does not come back within this time is passed over. */
const TARGET_MS_MAX = 20_000;
const SUPERVISOR_REST_MS = [200, 2_000] as const;
const CUT_MS_MAX = 8_000;

/** Strikes as planned until so many processes have been killed, by signal or at a failpoint. */
export class Injector {
  readonly faults: FaultSeen[] = [];
  /** Lines of what failpoints did, and how often each was there at the last look. */
  private noted: ReadonlyMap<string, number> = new Map();

  constructor(private readonly options: InjectorOptions) {}

  get kills(): number {
    return this.faults.filter(({ kind }) => kind === 'kill' || kind === 'failpoint').length;
  }

  async run(killsMin: number, signal: AbortSignal): Promise<void> {
    for (const fault of faultPlan(this.options.random)) {
      this.noteFailpoints();
      if (this.kills >= killsMin) return;
      await this.strike(fault, signal);
    }
  }

  /** Failpoints that have acted since the last look. */
  noteFailpoints(): void {
    const counts = new Map<string, number>();
    for (const line of this.options.system.failpoints.done()) counts.set(line, (counts.get(line) ?? 0) + 1);
    for (const [line, count] of counts) {
      const [place, action] = line.split(' ') as [string, string];
      for (let n = this.noted.get(line) ?? 0; n < count && action === 'crash'; n++)
        this.note({ kind: 'failpoint', target: place.split('/')[0] as string, place });
    }
    this.noted = counts;
  }

  private async strike(fault: PlannedFault, signal: AbortSignal): Promise<void> {
    const { system, cutter } = this.options;
    switch (fault.kind) {
      case 'kill':
        return this.kill(fault.target, signal);
      case 'failpoint':
        system.failpoints.plan(fault.service, fault.entry);
        return this.kill(fault.target, signal);
      case 'stall': {
        if (system.signal(fault.target, 'SIGSTOP') === null) return;
        this.note({ kind: 'stall', target: fault.target });
        await sleep(fault.ms, undefined, { signal });
        system.signal(fault.target, 'SIGCONT');
        return;
      }
      case 'cut':
        if (await cutter.cutNext(roleOf(fault.service), fault.cut, CUT_MS_MAX))
          this.note({ kind: `cut ${fault.cut} commit`, target: fault.service });
    }
  }

  /** SIGKILL, after a rest that lets the load go on. Passed over when there is no such process for long. */
  async kill(target: string, signal: AbortSignal): Promise<void> {
    const { system, random, restMs } = this.options;
    await sleep(between(random, ...restMs), undefined, { signal });
    // One that is just being started again is waited for.
    for (let waited = 0; waited < TARGET_MS_MAX; waited += TURN_MS) {
      if (!system.runs) system.start();
      if (system.signal(target, 'SIGKILL') !== null) {
        this.note({ kind: 'kill', target });
        if (target !== 'supervisor') return;
        await sleep(between(random, ...SUPERVISOR_REST_MS), undefined, { signal });
        system.start();
        return;
      }
      await sleep(TURN_MS, undefined, { signal });
    }
  }

  private note(fault: FaultSeen): void {
    this.faults.push(fault);
    this.options.onFault(fault, this.kills);
  }
}
