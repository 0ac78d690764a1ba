import { createHash } from 'node:crypto';

/**
 * Chance from a seed: the same seed gives the same numbers on every machine. sfc32 (PractRand) on the SHA-256 of the
 * seed. Never for secrets.
 */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest();
    [this.a, this.b, this.c, this.counter] = [0, 4, 8, 12].map((at) => digest.readInt32LE(at));
    // The first numbers of neighbouring states resemble each other.
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)];
  }

  /** Waiting time until the next of events that come at random, `mean` apart. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean;
  }

  /** Box-Muller, one of the pair. */
  normal(mean: number, deviation: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next());
  }
}

/** Draws from a fixed list by weight. */
export class Weighted<T> {
  private readonly sums: Float64Array;

  constructor(
    private readonly values: readonly T[],
    weightOf: (value: T, index: number) => number,
  ) {
    let sum = 0;
    this.sums = Float64Array.from(values, (value, i) => (sum += weightOf(value, i)));
  }

  draw(random: SeededRandom): T {
    const at = random.next() * this.sums[this.sums.length - 1];
    let low = 0;
    let high = this.sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return this.values[low];
  }
}

/** Zipf's law: the value at rank k is drawn in proportion to 1 / k^exponent. A few customers order most. */
export const zipf = <T>(values: readonly T[], exponent: number): Weighted<T> =>
  new Weighted(values, (_, index) => 1 / (index + 1) ** exponent);
