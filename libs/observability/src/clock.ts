/** The time of day, injected so that a simulation can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May step backwards: durations come from `performance.now()`. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
