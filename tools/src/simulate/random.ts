import type { Random } from '@millrace/observability';

/** A seeded source (xoshiro128**, seeded by splitmix32): equal seeds give equal sequences on every machine. */
export class SeededRandom implements Random {
  private readonly state: [number, number, number, number];

  constructor(seed: number) {
    let mixed = seed | 0;
    const mix = (): number => {
      mixed = (mixed + 0x9e3779b9) | 0;
      let z = mixed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.state = [mix(), mix(), mix(), mix()];
  }

  /** 32 bits, unsigned. */
  word(): number {
    const s = this.state;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  next(): number {
    return this.word() / 4_294_967_296;
  }

  bytes(n: number): Buffer {
    const bytes = Buffer.allocUnsafe(n);
    for (let i = 0; i < n; i++) bytes[i] = this.word() >>> 24;
    return bytes;
  }

  /** A whole number from 0 up to, not including, `n`. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** A source of its own, so that drawing more of one thing does not change all others. */
  fork(): SeededRandom {
    return new SeededRandom(this.word());
  }

  /** A UUID, version 4. */
  uuid(): string {
    const bytes = this.bytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}
