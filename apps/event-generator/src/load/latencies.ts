/** Each bucket is two percent wider than the one before: that is how exact a quantile is. */
const RATIO = 1.02;
const MS_MIN = 0.01;
const BUCKETS = 1_000;

/** Latencies in a fixed kilobyte or eight, whatever their number. Quantiles are within two percent. */
export class Latencies {
  private readonly counts = new Float64Array(BUCKETS);
  private count = 0;
  private msMax = 0;

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(ms, MS_MIN) / MS_MIN) / Math.log(RATIO));
    this.counts[Math.min(BUCKETS - 1, bucket)]++;
    this.count++;
    this.msMax = Math.max(this.msMax, ms);
  }

  /** The smallest latency that a share `q` of all does not exceed, ms; null while there is none. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket];
      if (seen >= q * this.count) return Math.min(this.msMax, MS_MIN * RATIO ** bucket);
    }
    return this.msMax;
  }

  get max(): number | null {
    return this.count === 0 ? null : this.msMax;
  }
}
