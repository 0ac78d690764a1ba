/** Delays and durations, injected so that a simulation can own them. */
export interface Timers {
  /** Milliseconds from an arbitrary origin; never steps backwards. */
  monotonicMs(): number;
  /** Calls `fn` once after `ms`. The result cancels that; cancelling twice, or too late, does nothing. */
  after(ms: number, fn: () => void): () => void;
}

export const systemTimers: Timers = {
  monotonicMs: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`. */
export function delay(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => timers.after(ms, resolve));
}
