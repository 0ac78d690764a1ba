import fs from 'node:fs';
import path from 'node:path';

/** What may be killed: each service, and Postgres' postmaster. */
export type Victim = 'ingest-gateway' | 'curation-worker' | 'table-manager' | 'analytics-api' | 'postgres';
export const VICTIMS: readonly Victim[] = [
  'ingest-gateway',
  'curation-worker',
  'table-manager',
  'analytics-api',
  'postgres',
];

export interface Kill {
  readonly victim: Victim;
  readonly pid: number;
  readonly atMs: number;
}

export interface KillerOptions {
  readonly dataDir: string;
  /** Rests between two kills, ms: uniform between the two. */
  readonly restMs: readonly [number, number];
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onKill?: (kill: Kill) => void;
}

/**
 * Sends SIGKILL to one process after another until stopped: every victim once in each round, in an order of its own,
 * so that a run of n rounds has killed all of them n times.
 */
export class Killer {
  readonly kills: Kill[] = [];
  private stopped = false;
  private readonly began = performance.now();

  constructor(private readonly options: KillerOptions) {}

  async run(): Promise<void> {
    const { restMs, random, sleep } = this.options;
    for (let round: Victim[] = []; !this.stopped;) {
      if (round.length === 0) round = shuffled(VICTIMS, random);
      await sleep(restMs[0] + random() * (restMs[1] - restMs[0]));
      if (this.stopped) return;
      // One that is just being started again is met in the next turn.
      const victim = round[0];
      if (this.kill(victim)) round.shift();
    }
  }

  stop(): void {
    this.stopped = true;
  }

  private kill(victim: Victim): boolean {
    const pid = this.pidOf(victim);
    if (pid === null) return false;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return false;
    }
    const kill = { victim, pid, atMs: Math.round(performance.now() - this.began) };
    this.kills.push(kill);
    this.options.onKill?.(kill);
    return true;
  }

  private pidOf(victim: Victim): number | null {
    const { dataDir } = this.options;
    try {
      if (victim === 'postgres') {
        const [pid] = fs.readFileSync(path.join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n');
        return Number(pid) || null;
      }
      const lock = JSON.parse(fs.readFileSync(path.join(dataDir, 'supervisor.lock'), 'utf8')) as {
        children: { name: string; pid: number }[];
      };
      return lock.children.find(({ name }) => name === victim)?.pid ?? null;
    } catch {
      return null;
    }
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]);
}

/** A small generator of uniform numbers from a seed (mulberry32), so that a run can be told again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
