import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs';

/** The log and the one before it are each held to this. */
export const LOG_BYTES_MAX = 8 * 1024 * 1024;
const CHECK_MS = 60_000;

/**
 * The server's log. The server writes to it directly, so it goes on when we are gone; we keep it short: past the limit
 * it is copied to `<file>.1` and cut to nothing (the server appends, so it goes on from the start).
 */
export class LogFile {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    readonly file: string,
    private readonly bytesMax = LOG_BYTES_MAX,
  ) {}

  openForAppend(): number {
    // Never through a link: root may be writing in somebody else's folder.
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
    return openSync(this.file, O_APPEND | O_CREAT | O_WRONLY | (O_NOFOLLOW ?? 0), 0o600);
  }

  get bytes(): number {
    return existsSync(this.file) ? statSync(this.file).size : 0;
  }

  rotate(): void {
    if (this.bytes <= this.bytesMax) return;
    rmSync(`${this.file}.1`, { force: true });
    copyFileSync(this.file, `${this.file}.1`);
    truncateSync(this.file);
  }

  /** What was written since `offset`, the last 4,000 bytes of it at most. */
  tail(offset: number): string {
    const start = Math.max(offset, this.bytes - 4_000);
    const text = Buffer.alloc(Math.max(0, this.bytes - start));
    const fd = openSync(this.file, 'r');
    try {
      return text.toString('utf8', 0, readSync(fd, text, 0, text.length, start));
    } finally {
      closeSync(fd);
    }
  }

  watch(): void {
    const check = (): void => {
      try {
        this.rotate();
      } catch {
        // A full disk must not end the process: the next minute tries again.
      }
    };
    check();
    this.timer ??= setInterval(check, CHECK_MS).unref();
  }

  unwatch(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
