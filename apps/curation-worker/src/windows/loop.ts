import { type FoldOptions, foldRound } from './fold';
import type { TimeStore } from './port';

export interface FoldLoopDeps {
  readonly store: Pick<TimeStore, 'transact'>;
  readonly options: FoldOptions;
  /** Milliseconds of a clock that never steps. */
  readonly monotonicMs: () => number;
  /** Between the transaction and telling of it. */
  readonly afterRound: () => Promise<void>;
  /** Messages were left. */
  readonly onFirings: () => void;
}

/** Rounds of one turn: then others have theirs. */
const ROUNDS_MAX = 20;
/**
 * A turn is followed by a rest of so many times what it took: counting takes a twentieth of the time at most, and what
 * comes meanwhile is counted together.
 */
const REST_FACTOR = 19;

/** Folds what landed, in turns. Of several workers whoever comes first does a round; the others find nothing left. */
export class FoldLoop {
  private restUntilMs = -Infinity;
  private clockedTo: string | null = null;

  constructor(private readonly deps: FoldLoopDeps) {}

  /** Meant to be called every second or so. */
  async turn(signal?: AbortSignal): Promise<void> {
    const { store, options, monotonicMs, afterRound, onFirings } = this.deps;
    const beganMs = monotonicMs();
    if (beganMs < this.restUntilMs) return;
    for (let rounds = 0; rounds < ROUNDS_MAX && !signal?.aborted; rounds++) {
      const folded = await store.transact((transaction) => foldRound(transaction, options, this.clockedTo));
      if (folded) this.clockedTo = folded.clockedTo;
      if (folded && folded.firings > 0) {
        await afterRound();
        onFirings();
      }
      if (!folded?.more) break;
    }
    this.restUntilMs = monotonicMs() + REST_FACTOR * (monotonicMs() - beganMs);
  }
}
