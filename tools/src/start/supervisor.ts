import { setTimeout as sleep } from 'node:timers/promises';
import type { BackoffLimits } from './backoff';
import { type ChildSpec, type Crash, SupervisedChild } from './child-process';
import type { ChildRecord } from './lock';
import type { ChildLine } from './log-lines';
import { StartError } from './start-error';

/** A child, and how one sees that it serves. */
export interface ServiceSpec extends ChildSpec {
  /** Answers 200 once the service is ready. */
  readonly readinessUrl: string;
}

export interface SupervisorOptions {
  readonly onLine: (line: ChildLine) => void;
  /** What the supervisor itself has to say, in a sentence. */
  readonly say: (text: string, level: 'info' | 'warn') => void;
  /** Called whenever a child was started or has ended. */
  readonly onChildren: (children: readonly ChildRecord[]) => void;
  /** Uniform in [0, 1), for the jitter of restarts. */
  readonly random: () => number;
  readonly limits?: BackoffLimits;
  /** A service that never was ready and crashed this often in a row will not start (default 5). */
  readonly startCrashesMax?: number;
}

/** How a process ends whose settings are wrong (sysexits' EX_CONFIG): started again it ends the same way. */
export const CONFIG_EXIT_CODE = 78;
const POLL_MS = 50;
const PROBE_MS_MAX = 2_000;
const REPORT_MS = 10_000;

/** Runs children, keeps them running, and stops them in groups. */
export class Supervisor {
  private readonly children: SupervisedChild[] = [];
  private readonly hopeless = new Map<string, Crash>();
  private readonly wasReady = new Set<string>();
  private stopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  /** Starts a child and keeps it running. */
  run(spec: ChildSpec, onMessage?: (message: unknown) => void): SupervisedChild {
    const { onLine, limits, random } = this.options;
    const child: SupervisedChild = new SupervisedChild(
      spec,
      {
        onLine,
        onSpawn: () => this.noteChildren(),
        onCrash: (crash) => this.onCrash(crash),
        ...(onMessage ? { onMessage } : {}),
      },
      random,
      limits,
    );
    this.children.push(child);
    child.start();
    return child;
  }

  /**
   * Resolves once every service answers its readiness URL with 200. Throws StartError when one of them crashes over
   * and over without ever having been ready, and the signal's reason when aborted.
   */
  async ready(services: readonly ServiceSpec[], signal: AbortSignal): Promise<void> {
    await Promise.all(services.map((service) => this.serviceReady(service, signal)));
  }

  /** SIGTERM to all of them at once, SIGKILL to those left after `graceMs`. */
  async stop(children: readonly SupervisedChild[], graceMs: number): Promise<void> {
    this.stopping = true;
    await Promise.all(
      children.map(async (child) => {
        const how = await child.stop(graceMs);
        if (how === 'killed')
          this.options.say(
            `${child.spec.name} had not drained after ${Math.round(graceMs / 1000)} s and was killed`,
            'warn',
          );
      }),
    );
    this.noteChildren();
  }

  kill(children: readonly SupervisedChild[]): void {
    this.stopping = true;
    for (const child of children) child.kill('SIGKILL');
  }

  private async serviceReady(service: ServiceSpec, signal: AbortSignal): Promise<void> {
    let reported = performance.now();
    for (;;) {
      signal.throwIfAborted();
      const crash = this.hopeless.get(service.name);
      if (crash) throw hopelessError(crash);
      const answer = await probe(service.readinessUrl);
      if (answer === 'ready') {
        this.wasReady.add(service.name);
        return;
      }
      if (performance.now() - reported > REPORT_MS) {
        reported = performance.now();
        this.options.say(`still waiting for ${service.name}: ${answer}`, 'warn');
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private onCrash(crash: Crash): void {
    this.noteChildren();
    if (this.stopping) return;
    if (!this.wasReady.has(crash.name) && crash.code === CONFIG_EXIT_CODE) {
      this.hopeless.set(crash.name, crash);
      return;
    }
    const how = crash.signal ? `was ended by ${crash.signal}` : `exited with code ${crash.code}`;
    this.options.say(
      `${crash.name} ${how} after ${(crash.uptimeMs / 1000).toFixed(1)} s; starting it again in ${(crash.restartInMs / 1000).toFixed(1)} s${crash.failures > 1 ? ` (${crash.failures} in a row)` : ''}`,
      'warn',
    );
    if (!this.wasReady.has(crash.name) && crash.failures >= (this.options.startCrashesMax ?? 5))
      this.hopeless.set(crash.name, crash);
  }

  private noteChildren(): void {
    this.options.onChildren(
      this.children.map((child) => child.record).filter((record): record is ChildRecord => record !== null),
    );
  }
}

function hopelessError(crash: Crash): StartError {
  const how = crash.signal ? `ended by ${crash.signal}` : `exit code ${crash.code}`;
  const words = crash.lastWords.length
    ? `\nIts last lines:\n${crash.lastWords.map((line) => `  ${line}`).join('\n')}`
    : '';
  if (crash.code === CONFIG_EXIT_CODE)
    return new StartError(`${crash.name} does not start: its settings are wrong.${words}`);
  return new StartError(`${crash.name} does not start: it ended ${crash.failures} times in a row (${how}).${words}`);
}

/** `ready`, or in a few words why not. */
async function probe(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS_MAX) });
    const body = await response.text();
    return response.status === 200 ? 'ready' : `${response.status} ${body.slice(0, 300)}`;
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return cause?.code === 'ECONNREFUSED' ? 'it does not listen yet' : (cause?.code ?? message);
  }
}
