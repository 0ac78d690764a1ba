/** A fixed number of flags, a bit each. */
export class Bits {
  private readonly bytes: Uint8Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(Math.ceil(length / 8));
  }

  has(at: number): boolean {
    return (this.bytes[at >> 3] & (1 << (at & 7))) !== 0;
  }

  /** Whether it was not set before. */
  set(at: number): boolean {
    if (this.has(at)) return false;
    this.bytes[at >> 3] |= 1 << (at & 7);
    return true;
  }
}
