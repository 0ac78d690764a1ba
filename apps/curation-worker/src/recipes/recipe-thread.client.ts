import { Worker } from 'node:worker_threads';
import type { RecipeKind } from './port';
import { THREAD_SOURCE } from './thread-source';

export interface ThreadLimits {
  /** For one item, ms. */
  readonly msMax: number;
  /** Of the thread's heap. */
  readonly memoryMbMax: number;
  /** Characters of a result. */
  readonly outputCharsMax: number;
}

/** An event may have 1 MiB; a JSONata that takes 1,000 times as long as most is in a loop. */
export const THREAD_LIMITS: ThreadLimits = { msMax: 2_000, memoryMbMax: 64, outputCharsMax: 1 << 20 };

/** To start a thread and read the recipe, ms: loading JSONata takes a tenth of a second, and longer on a busy machine. */
const START_MS_MAX = 15_000;

export type Applied = { readonly text: string } | { readonly failure: string };

interface Answer {
  readonly id?: number;
  readonly text?: string;
  readonly failure?: string;
  readonly broken?: string;
  readonly ready?: boolean;
}

/**
 * One recipe in a thread of its own, whose time and memory are bounded. A thread that exceeds either is ended, and what
 * it had has failed; the next item gets a new one. Items are applied one after the other.
 */
export class RecipeThread {
  private worker: Worker | null = null;
  private sequence = 0;
  private isReady = false;
  /** Threads that were started, for measurements. */
  started = 0;

  constructor(
    private readonly kind: RecipeKind,
    private readonly body: string,
    private readonly limits: ThreadLimits = THREAD_LIMITS,
  ) {}

  /** @param text JSON of the item */
  apply(text: string): Promise<Applied> {
    const worker = (this.worker ??= this.start());
    const id = ++this.sequence;
    return new Promise<Applied>((resolve) => {
      const { msMax, memoryMbMax } = this.limits;
      const limit = (ms: number): NodeJS.Timeout =>
        setTimeout(() => end({ failure: `it took longer than ${ms} ms` }, true), ms);
      let timer = limit(this.isReady ? msMax : START_MS_MAX);
      const onMessage = (answer: Answer): void => {
        if (answer.broken !== undefined) return end({ failure: answer.broken }, true);
        if (answer.ready) {
          this.isReady = true;
          clearTimeout(timer);
          timer = limit(msMax);
        }
        if (answer.id !== id) return;
        end(answer.text === undefined ? { failure: answer.failure ?? 'no result' } : { text: answer.text }, false);
      };
      const onError = (error: Error & { code?: string }): void => {
        const tooLarge = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        end({ failure: tooLarge ? `it needed more than ${memoryMbMax} MiB` : error.message.slice(0, 500) }, true);
      };
      const onExit = (): void => end({ failure: 'it ended its thread' }, true);
      const end = (applied: Applied, broken: boolean): void => {
        clearTimeout(timer);
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        if (broken) this.drop(worker);
        resolve(applied);
      };
      worker.on('message', onMessage).on('error', onError).on('exit', onExit);
      worker.postMessage({ id, text });
    });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = null;
    await worker?.terminate();
  }

  private start(): Worker {
    this.started++;
    this.isReady = false;
    const modules = { jsonata: require.resolve('jsonata'), patch: require.resolve('fast-json-patch') };
    const { memoryMbMax, outputCharsMax } = this.limits;
    const worker = new Worker(THREAD_SOURCE, {
      eval: true,
      // Nothing of the service: no environment, no standard streams.
      ...{ env: {}, stdin: false, stdout: true, stderr: true },
      workerData: { kind: this.kind, body: this.body, modules, outputCharsMax },
      resourceLimits: { maxOldGenerationSizeMb: memoryMbMax, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    worker.unref();
    return worker;
  }

  private drop(worker: Worker): void {
    if (this.worker === worker) this.worker = null;
    // What it says while it ends is of no interest, but must not end the process.
    worker.on('error', () => undefined);
    void worker.terminate();
  }
}
