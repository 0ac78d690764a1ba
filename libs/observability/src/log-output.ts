import fs from 'node:fs';

/** Bytes of lines that wait for a slow reader; what comes beyond them is dropped, and told of afterwards. */
const WAITING_BYTES_MAX = 8 << 20;
/** Bytes handed to the system in one write, at least one line. */
const WRITE_BYTES_MAX = 64 << 10;
/** A reader that takes nothing now is asked again so much later. */
const AGAIN_MS = 20;
/** How long the end of a process waits for whoever reads its lines. */
const FLUSH_MS_MAX = 2_000;

/** Lines of text to a descriptor. */
export interface LogOutput {
  /** Hands a line over; nothing waits for whoever reads it. */
  write(line: string): void;
  /** Writes what is left, for `FLUSH_MS_MAX` at most: its reader may be gone, or may have stopped reading. */
  flushSync(): void;
}

/**
 * Log lines to a descriptor that does not block (or to a file). A reader that is slow holds nothing up, one that is gone
 * ends the logging, and neither keeps the process from ending; pino's own output tries for ever to write its last lines.
 */
export function logOutput(fd: number, system: Pick<typeof fs, 'writeSync'> = fs): LogOutput {
  let waiting: Buffer[] = [];
  let bytes = 0;
  let dropped = 0;
  let closed = false;
  let scheduled = false;

  const push = (line: Buffer): void => {
    waiting.push(line);
    bytes += line.length;
  };
  /** The next lines in one piece. */
  const take = (): Buffer => {
    let size = 0;
    let count = 0;
    while (count < waiting.length && (count === 0 || size + waiting[count].length <= WRITE_BYTES_MAX))
      size += waiting[count++].length;
    const taken = waiting.splice(0, count);
    return taken.length === 1 ? taken[0] : Buffer.concat(taken, size);
  };
  /** Writes until nothing is left; false when the reader takes no more now. */
  const drain = (): boolean => {
    while (waiting.length > 0) {
      const chunk = take();
      let written = 0;
      try {
        written = system.writeSync(fd, chunk);
      } catch (error) {
        if (!isBusy(error)) {
          closed = true;
          waiting = [];
          return true;
        }
      }
      bytes -= written;
      if (written < chunk.length) waiting.unshift(chunk.subarray(written));
      if (written === 0) return false;
    }
    return true;
  };
  const later = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (!drain()) setTimeout(later, AGAIN_MS).unref();
    });
  };

  return {
    write(line) {
      if (closed) return;
      const chunk = Buffer.from(line);
      if (bytes + chunk.length > WAITING_BYTES_MAX) return void dropped++;
      if (dropped > 0)
        push(Buffer.from(`{"level":"warn","msg":"nobody read the log: lines are missing","count":${dropped}}\n`));
      dropped = 0;
      push(chunk);
      later();
    },
    flushSync() {
      const deadline = performance.now() + FLUSH_MS_MAX;
      while (!drain() && performance.now() < deadline) pause(AGAIN_MS);
    },
  };
}

const isBusy = (error: unknown): boolean => /^(EAGAIN|EBUSY|EINTR)$/.test((error as NodeJS.ErrnoException).code ?? '');

const pause = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
