/** Larger ones are not kept. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;
const BYTES_MIN = 64 * 1024;

/**
 * Buffers that messages are sent from, kept for the next one: a new megabyte for every append would be the collector's
 * main work. Holds at most `countMax` of them, of 8 MiB at most.
 */
export class SendBuffers {
  private readonly kept: Buffer[] = [];

  constructor(private readonly countMax: number) {}

  /** A buffer of at least so many bytes, with anything in it. */
  take(bytes: number): Buffer {
    const index = this.kept.findIndex(({ length }) => length >= bytes);
    if (index >= 0) return this.kept.splice(index, 1)[0];
    // Too small for what is sent now: the larger one takes its place.
    if (bytes <= KEPT_BYTES_MAX) this.kept.pop();
    return Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, 2 ** Math.ceil(Math.log2(bytes))));
  }

  /** Gives back one that nothing reads any more. */
  give(buffer: Buffer): void {
    if (buffer.length <= KEPT_BYTES_MAX && this.kept.length < this.countMax) this.kept.push(buffer);
  }
}
