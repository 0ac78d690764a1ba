import { randomFillSync } from 'node:crypto';

/** A source of randomness, injected so that a simulation can seed it. */
export interface Random {
  /** Uniform in [0, 1). For jitter and sampling, never for secrets. */
  next(): number;
  /** `n` bytes; cryptographically strong in the system's own source. */
  bytes(n: number): Buffer;
}

const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);
let used = 0;

/** Bytes are drawn from the kernel in pools: a UUID costs a slice instead of a system call. */
function systemBytes(n: number): Buffer {
  if (n > POOL_BYTES) return randomFillSync(Buffer.allocUnsafe(n));
  if (used + n > pool.length) {
    // A new pool each time, never a refilled one: slices handed out earlier must keep their bytes.
    pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES));
    used = 0;
  }
  used += n;
  return pool.subarray(used - n, used);
}

export const systemRandom: Random = { next: () => Math.random(), bytes: systemBytes };
