/** UTF-8 has at most this many bytes per UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;

/** A growing buffer: what is added is written once, straight to its place. */
export class ByteBuilder {
  private bytes: Buffer;
  private length = 0;

  constructor(bytesExpected: number) {
    this.bytes = Buffer.allocUnsafe(Math.max(4096, bytesExpected));
  }

  text(text: string): void {
    this.reserve(text.length * BYTES_PER_UNIT_MAX);
    this.length += this.bytes.write(text, this.length, 'utf8');
  }

  /** Text known to be ASCII and to be short: a call into the runtime would cost more than its characters. */
  ascii(text: string): void {
    this.reserve(text.length);
    const { bytes, length } = this;
    for (let i = 0; i < text.length; i++) bytes[length + i] = text.charCodeAt(i);
    this.length = length + text.length;
  }

  /** Bytes as base64. */
  base64(bytes: Buffer): void {
    const text = bytes.toString('base64');
    this.reserve(text.length);
    this.length += this.bytes.write(text, this.length, 'latin1');
  }

  lineFeed(): void {
    this.reserve(1);
    this.bytes[this.length++] = 10;
  }

  copy(bytes: Buffer): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Room for so many bytes, which the caller writes before anything else is added. */
  room(bytes: number): Buffer {
    this.reserve(bytes);
    this.length += bytes;
    return this.bytes.subarray(this.length - bytes, this.length);
  }

  /** Begins anew in the same memory: what `done` returned before is overwritten. */
  clear(): void {
    this.length = 0;
  }

  /** Bytes of its memory. */
  get capacity(): number {
    return this.bytes.length;
  }

  get size(): number {
    return this.length;
  }

  /** What has been added; a view that further additions may leave behind. */
  done(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.length + bytes, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

/**
 * Memory that is used again. What is allocated outside of V8's heap makes it collect its young generation, and each
 * collection copies the batches that are under way.
 */
export class LentBuilders {
  private readonly idle: ByteBuilder[] = [];

  /** @param kept at most, of at most `bytesMax` each */
  constructor(
    private readonly kept: number,
    private readonly bytesMax: number,
  ) {}

  /** An empty builder. */
  take(bytesExpected: number): ByteBuilder {
    const fitting = this.idle.findIndex(({ capacity }) => capacity >= bytesExpected);
    if (fitting < 0) return new ByteBuilder(bytesExpected);
    const [builder] = this.idle.splice(fitting, 1);
    builder.clear();
    return builder;
  }

  /** Nobody holds what it held any more. */
  giveBack(builder: ByteBuilder): void {
    if (builder.capacity > this.bytesMax) return;
    this.idle.push(builder);
    if (this.idle.length <= this.kept) return;
    // The larger ones fit more.
    this.idle.sort((a, b) => b.capacity - a.capacity).pop();
  }
}
