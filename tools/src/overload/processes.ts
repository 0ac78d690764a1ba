import fs from 'node:fs';
import { memoryKib, postgresPids, runningProcesses } from '../start/running';

const MIB = 1 << 20;

/**
 * What each process may hold at most, MiB: the limits of its settings (queues, bodies, DuckDB) and what Node and the
 * engines take beside them. Postgres is all of its processes, without the memory that they share counted twice.
 */
export const RSS_MIB_MAX: Readonly<Record<string, number>> = {
  'ingest-gateway': 768,
  'curation-worker': 2_048,
  'table-manager': 2_048,
  'analytics-api': 2_048,
  'event-generator': 384,
  'front-door': 384,
  postgres: 2_048,
};

/** Highest resident memory so far by process name, MiB; Linux only, empty elsewhere. */
export class MemoryWatch {
  readonly highest: Record<string, number> = {};
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataDir: string,
    private readonly everyMs = 500,
  ) {}

  start(): void {
    if (!fs.existsSync('/proc/self/status')) return;
    this.timer = setInterval(() => this.look(), this.everyMs);
    this.look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Processes that held more than they may. */
  excesses(): string[] {
    return Object.entries(this.highest)
      .filter(([name, mib]) => mib > (RSS_MIB_MAX[name] ?? Infinity))
      .map(([name, mib]) => `${name} held ${Math.round(mib)} MiB, ${RSS_MIB_MAX[name]} are its cap`);
  }

  private look(): void {
    for (const { name, pid } of runningProcesses(this.dataDir)) {
      const mib = name === 'postgres' ? postgresMib(this.dataDir) : memoryKib(pid, 'VmRSS') / 1024;
      const kind = name.replace(/-\d+$/, '');
      this.highest[kind] = Math.max(this.highest[kind] ?? 0, mib);
    }
  }
}

/** Each process' own memory, and the largest share of what they have in common. */
function postgresMib(dataDir: string): number {
  let own = 0;
  let shared = 0;
  for (const pid of postgresPids(dataDir)) {
    own += memoryKib(pid, 'RssAnon');
    shared = Math.max(shared, memoryKib(pid, 'RssShmem'));
  }
  return ((own + shared) * 1024) / MIB;
}
