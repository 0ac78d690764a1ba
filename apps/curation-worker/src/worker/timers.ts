/** Waiting, handed in by the shell, so that a simulation can own it. */
export interface Timers {
  /** Rejects at once when `signal` is or becomes aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back again and again, first after `ms`; returns what ends it. */
  every(ms: number, callback: () => void): () => void;
}
