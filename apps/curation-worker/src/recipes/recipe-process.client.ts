import { type ChildProcess, type Serializable, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { RecipeKind } from './port';
import { PROCESS_SOURCE } from './process-source';
import { THREAD_SOURCE } from './thread-source';

export interface RecipeLimits {
  /** For one item, ms. */
  readonly msMax: number;
  /** Of its heap. */
  readonly memoryMbMax: number;
  /** Characters of a result. */
  readonly outputCharsMax: number;
}

/** An event may have 1 MiB; a JSONata that takes 1,000 times as long as most is in a loop. */
export const RECIPE_LIMITS: RecipeLimits = { msMax: 2_000, memoryMbMax: 64, outputCharsMax: 1 << 20 };

/** To start a process and read the recipe, ms: loading JSONata takes a fifth of a second, and longer on a busy machine. */
const START_MS_MAX = 15_000;

export type Applied = { readonly text: string } | { readonly failure: string };

interface Answer {
  readonly id?: number;
  readonly text?: string;
  readonly failure?: string;
  readonly broken?: string;
  readonly tooLarge?: boolean;
  readonly ready?: boolean;
}

/**
 * One recipe in a process of its own, whose time and memory are bounded: an engine that cannot have what a recipe asks
 * for at once ends the process that it is in, whatever limits a thread has. A process that exceeds either is ended, and
 * what it had has failed; the next item gets a new one. Items are applied one after the other.
 */
export class RecipeProcess {
  private child: ChildProcess | null = null;
  private sequence = 0;
  private isReady = false;
  /** Processes that were started, for measurements. */
  started = 0;

  constructor(
    private readonly kind: RecipeKind,
    private readonly body: string,
    private readonly limits: RecipeLimits = RECIPE_LIMITS,
  ) {}

  /** @param text JSON of the item */
  apply(text: string): Promise<Applied> {
    const child = (this.child ??= this.start());
    const id = ++this.sequence;
    return new Promise<Applied>((resolve) => {
      const { msMax, memoryMbMax } = this.limits;
      const tooLarge = `it needed more than ${memoryMbMax} MiB`;
      const limit = (ms: number): NodeJS.Timeout =>
        setTimeout(() => end({ failure: `it took longer than ${ms} ms` }, true), ms);
      let timer = limit(this.isReady ? msMax : START_MS_MAX);
      const onMessage = (message: Serializable): void => {
        const answer = message as Answer;
        if (answer.broken !== undefined) return end({ failure: answer.tooLarge ? tooLarge : answer.broken }, true);
        if (answer.ready) {
          this.isReady = true;
          clearTimeout(timer);
          timer = limit(msMax);
        }
        if (answer.id !== id) return;
        end(answer.text === undefined ? { failure: answer.failure ?? 'no result' } : { text: answer.text }, false);
      };
      const onError = (error: Error): void => end({ failure: error.message.slice(0, 500) }, true);
      // An engine without memory aborts.
      const onExit = (_code: number | null, signal: NodeJS.Signals | null): void =>
        end({ failure: signal === 'SIGABRT' ? tooLarge : 'it ended its process' }, true);
      const end = (applied: Applied, broken: boolean): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('error', onError).off('exit', onExit);
        if (broken) this.drop(child);
        resolve(applied);
      };
      child.on('message', onMessage).on('error', onError).on('exit', onExit);
      child.send({ id, text }, (error) => error && onError(error));
    });
  }

  /** Resolves once its process has ended. */
  async close(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (!child || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  private start(): ChildProcess {
    this.started++;
    this.isReady = false;
    const modules = { jsonata: require.resolve('jsonata'), patch: require.resolve('fast-json-patch') };
    const { memoryMbMax, outputCharsMax } = this.limits;
    // Nothing of the service: no environment, no standard streams.
    const child = spawn(process.execPath, ['--eval', PROCESS_SOURCE], {
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // Between items nobody listens: it is found gone by the next one.
    child.on('error', () => undefined);
    child.on('exit', () => {
      if (this.child === child) this.child = null;
    });
    child.send({
      source: THREAD_SOURCE,
      workerData: { kind: this.kind, body: this.body, modules, outputCharsMax },
      resourceLimits: { maxOldGenerationSizeMb: memoryMbMax, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    child.unref();
    child.channel?.unref();
    return child;
  }

  private drop(child: ChildProcess): void {
    if (this.child === child) this.child = null;
    child.kill('SIGKILL');
  }
}
