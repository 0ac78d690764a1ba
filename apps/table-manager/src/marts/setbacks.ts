/** Something of a mart that failed, and when it is tried again. */
export interface Setback {
  readonly mart: string;
  /** Null where all of the mart is concerned. */
  readonly partition: string | null;
  /** In words, without values of rows. */
  readonly cause: string;
  /** Failures in a row. */
  readonly attempts: number;
  readonly retryInMs: number;
}

export interface SetbacksOptions {
  readonly monotonicMs: () => number;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** The first wait, ms; each further one is twice as long. */
  readonly waitMs?: number;
  readonly waitMsMax?: number;
  /** Partitions of a mart that wait one by one; with more of them the whole mart waits. */
  readonly partitionsMax?: number;
}

const WAIT_MS = 2_000;
const WAIT_MS_MAX = 300_000;
const PARTITIONS_MAX = 1_000;

/**
 * What of which mart failed lately: each partition waits by itself, from one to two times half of twice the wait before,
 * and nothing else waits with it. In memory: another process that takes over tries everything at once.
 */
export class Setbacks {
  private readonly marts = new Map<string, Map<string | null, { setback: Setback; retryAtMs: number }>>();

  constructor(private readonly options: SetbacksOptions) {}

  failed(mart: string, partition: string | null, cause: string): Setback {
    const { monotonicMs, random, waitMs = WAIT_MS, waitMsMax = WAIT_MS_MAX } = this.options;
    const { partitionsMax = PARTITIONS_MAX } = this.options;
    const known = this.marts.get(mart) ?? new Map();
    this.marts.set(mart, known);
    const place = known.has(partition) || known.size < partitionsMax ? partition : null;
    const attempts = (known.get(place)?.setback.attempts ?? 0) + 1;
    const wholeMs = Math.min(waitMs * 2 ** Math.min(attempts - 1, 30), waitMsMax);
    const retryInMs = Math.round(wholeMs / 2 + (random() * wholeMs) / 2);
    const setback = { mart, partition: place, cause, attempts, retryInMs };
    known.set(place, { setback, retryAtMs: monotonicMs() + retryInMs });
    return setback;
  }

  /** Whether there was anything to be mended. */
  mended(mart: string, partition: string | null): boolean {
    const known = this.marts.get(mart);
    const was = known?.delete(partition) ?? false;
    if (known?.size === 0) this.marts.delete(mart);
    return was;
  }

  /** It failed, whether or not it may be tried again by now. */
  has(mart: string, partition: string | null): boolean {
    return this.marts.get(mart)?.has(partition) ?? false;
  }

  /** It failed, and is not to be tried yet. */
  isWaiting(mart: string, partition: string | null): boolean {
    const entry = this.marts.get(mart)?.get(partition);
    return entry !== undefined && this.options.monotonicMs() < entry.retryAtMs;
  }

  /** Partitions of a mart that failed last time; the whole mart counts as one. */
  count(mart: string): number {
    return this.marts.get(mart)?.size ?? 0;
  }

  all(): Setback[] {
    return [...this.marts.values()].flatMap((known) => [...known.values()].map(({ setback }) => setback));
  }
}
