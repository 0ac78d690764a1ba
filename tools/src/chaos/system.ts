import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adminUrlOf } from './admin-url';
import { FailpointPlans } from './failpoint-plans';
import { postmasterPid, runningProcesses } from '../start/running';
import { COMPILED_TOOLS } from '../start/services';

export interface SystemOptions {
  readonly dataDir: string;
  readonly portBase: number;
  readonly workers: number;
  /** Where services reach Postgres; see commit-cutter.ts. */
  readonly proxyPort: number;
  /** Settings of the services. */
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (text: string) => void;
}

const READY_MS_MAX = 90_000;
const POLL_MS = 100;
const STOP_MS_MAX = 60_000;

/** A whole Millrace under a supervisor that is a process of its own, so that it can be killed too. */
export class MillraceSystem {
  private supervisor: ChildProcess | null = null;
  readonly url: string;
  readonly failpoints: FailpointPlans;

  constructor(private readonly options: SystemOptions) {
    this.url = `http://127.0.0.1:${options.portBase}`;
    this.failpoints = new FailpointPlans(path.join(options.dataDir, 'failpoints'));
  }

  get postgresPort(): number {
    return this.options.portBase + 9;
  }

  adminUrl(): string {
    return adminUrlOf(this.options.dataDir, this.postgresPort);
  }

  /** Starts the supervisor, which ends what one before it left behind. */
  start(): void {
    const { dataDir, portBase, workers, proxyPort, env, onLine } = this.options;
    const entry = path.join(COMPILED_TOOLS, 'chaos', 'supervisor.child.js');
    const child = spawn(process.execPath, [entry, JSON.stringify({ dataDir, portBase, workers, proxyPort })], {
      env: { ...process.env, ...env, ...this.failpoints.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      let left = '';
      stream.on('data', (chunk: Buffer) => {
        const lines = (left + chunk.toString()).split('\n');
        left = lines.pop() as string;
        for (const line of lines) onLine(line);
      });
    }
    child.once('exit', () => {
      if (this.supervisor === child) this.supervisor = null;
    });
    this.supervisor = child;
  }

  get runs(): boolean {
    return this.supervisor !== null;
  }

  /** @throws Error when it is not ready in time */
  async ready(msMax = READY_MS_MAX): Promise<void> {
    const deadline = performance.now() + msMax;
    while (!(await this.isReady())) {
      if (!this.supervisor) this.start();
      if (performance.now() > deadline) throw new Error(`the services were not ready within ${msMax / 1000} s`);
      await sleep(POLL_MS);
    }
  }

  async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.url}/readiness`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.ok ?? false;
  }

  /** A process by name; null while it does not run. `postgres` is the postmaster. */
  pidOf(target: string): number | null {
    if (target === 'supervisor') return this.supervisor?.pid ?? null;
    const { dataDir } = this.options;
    if (target === 'postgres') return postmasterPid(dataDir);
    const wanted = target === 'keeper' ? 'postgres' : target;
    return runningProcesses(dataDir).find(({ name }) => name === wanted)?.pid ?? null;
  }

  /** Sends a signal; false when there is no such process now. */
  signal(target: string, name: NodeJS.Signals): number | null {
    const pid = this.pidOf(target);
    if (pid === null) return null;
    try {
      process.kill(pid, name);
      return pid;
    } catch {
      return null;
    }
  }

  async stop(): Promise<void> {
    const { supervisor } = this;
    if (!supervisor) return;
    const gone = new Promise<void>((resolve) => supervisor.once('exit', () => resolve()));
    supervisor.kill('SIGTERM');
    const timer = setTimeout(() => supervisor.kill('SIGKILL'), STOP_MS_MAX);
    await gone;
    clearTimeout(timer);
  }
}
