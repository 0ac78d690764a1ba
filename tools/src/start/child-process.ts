import { type ChildProcess, spawn } from 'node:child_process';
import { type BackoffLimits, failuresAfterCrash, RESTART_LIMITS, restartDelayMs } from './backoff';
import { type ChildLine, failureIn, readLines } from './log-lines';
import { processIdentity } from './process-identity';
import type { ChildRecord } from './lock';

export interface ChildSpec {
  readonly name: string;
  /** The script that node runs. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Options of node itself. */
  readonly nodeOptions?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Loaded before the entry; see guard.ts. */
  readonly guard: string;
}

export interface Crash {
  readonly name: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly uptimeMs: number;
  /** Crashes in a row, this one included. */
  readonly failures: number;
  readonly restartInMs: number;
  /** Its last lines on standard error, and its last log entries of failures. */
  readonly lastWords: readonly string[];
}

export interface ChildEvents {
  readonly onLine: (line: ChildLine) => void;
  readonly onSpawn: () => void;
  readonly onCrash: (crash: Crash) => void;
  readonly onMessage?: (message: unknown) => void;
}

const LAST_WORDS_MAX = 20;
const LAST_OUTPUT_MS_MAX = 250;

/**
 * One child process that is meant to run: started again after each exit that nobody asked for, with exponential
 * backoff and jitter (backoff.ts), until `stop`.
 *
 * Each child leads a process group of its own, so that the terminal's Ctrl-C reaches the supervisor alone and the
 * order of the shutdown is the supervisor's.
 */
export class SupervisedChild {
  private process: ChildProcess | null = null;
  private spawned: ChildRecord | null = null;
  private failures = 0;
  private restart: NodeJS.Timeout | null = null;
  private stopping = false;
  private readonly exited: (() => void)[] = [];

  constructor(
    readonly spec: ChildSpec,
    private readonly events: ChildEvents,
    private readonly random: () => number,
    private readonly limits: BackoffLimits = RESTART_LIMITS,
  ) {}

  start(): void {
    if (this.process || this.stopping) return;
    const { entry, args = [], nodeOptions = [], env, cwd, guard } = this.spec;
    const began = performance.now();
    const child = spawn(process.execPath, [...nodeOptions, '--require', guard, entry, ...args], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.process = child;
    this.spawned =
      child.pid === undefined ? null : { name: this.spec.name, pid: child.pid, identity: processIdentity(child.pid) };
    const lastWords: string[] = [];
    const remember = (words: string): void => {
      lastWords.push(words);
      if (lastWords.length > LAST_WORDS_MAX) lastWords.shift();
    };
    readLines(child.stdout as NonNullable<typeof child.stdout>, (text) => {
      const failure = failureIn(text);
      if (failure !== null) remember(failure);
      this.events.onLine({ process: this.spec.name, text, stream: 'stdout' });
    });
    readLines(child.stderr as NonNullable<typeof child.stderr>, (text) => {
      remember(text);
      this.events.onLine({ process: this.spec.name, text, stream: 'stderr' });
    });
    child.on('message', (message) => this.events.onMessage?.(message));
    child.on('error', (error) => lastWords.push(error.message));
    let settled = false;
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (settled) return;
      settled = true;
      this.onGone(code, signal, performance.now() - began, lastWords);
    };
    // `close` comes after the last output was read, and alone when the spawn itself failed; it does not come while a
    // grandchild holds the pipes, hence the wait for it is bounded.
    child.once('close', settle);
    child.once('exit', (code, signal) => setTimeout(settle, LAST_OUTPUT_MS_MAX, code, signal));
    this.events.onSpawn();
  }

  /** What runs now, for the lock file. */
  get record(): ChildRecord | null {
    return this.spawned;
  }

  send(message: unknown): void {
    if (this.process?.connected) this.process.send(message as object, () => undefined);
  }

  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. No restart follows. */
  async stop(graceMs: number): Promise<'drained' | 'killed'> {
    this.stopping = true;
    if (this.restart) clearTimeout(this.restart);
    if (!this.process) return 'drained';
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      this.kill('SIGKILL');
    }, graceMs);
    const gone = new Promise<void>((resolve) => this.exited.push(resolve));
    this.kill('SIGTERM');
    await gone;
    clearTimeout(timer);
    return killed ? 'killed' : 'drained';
  }

  /** Sends a signal. No restart follows. */
  kill(signal: NodeJS.Signals): void {
    this.stopping = true;
    if (this.restart) clearTimeout(this.restart);
    this.process?.kill(signal);
  }

  private onGone(
    code: number | null,
    signal: NodeJS.Signals | null,
    uptimeMs: number,
    lastWords: readonly string[],
  ): void {
    this.process = null;
    this.spawned = null;
    for (const resolve of this.exited.splice(0)) resolve();
    if (this.stopping) return;
    this.failures = failuresAfterCrash(this.failures, uptimeMs, this.limits);
    const restartInMs = restartDelayMs(this.failures, this.random, this.limits);
    this.restart = setTimeout(() => {
      this.restart = null;
      this.start();
    }, restartInMs);
    this.events.onCrash({
      name: this.spec.name,
      code,
      signal,
      uptimeMs,
      failures: this.failures,
      restartInMs,
      lastWords,
    });
  }
}
