import fs from 'node:fs';
import path from 'node:path';

const FILE_BYTES_MAX = 8 * 1024 * 1024;

interface LogFile {
  readonly handle: number;
  bytes: number;
  /** A line of which the disk took a part only. */
  torn: boolean;
}

/**
 * One log file per process in a folder, `<name>.log` and the one before it, `<name>.log.1`: at most 16 MiB each pair.
 * A line that cannot be written (a full disk) is given up; logging never stops what is logged, and goes on when there is
 * room.
 */
export class LogFiles {
  private readonly open = new Map<string, LogFile>();

  /** @param fileBytesMax from which on a file is the one before */
  constructor(
    private readonly dir: string,
    private readonly fileBytesMax = FILE_BYTES_MAX,
  ) {}

  write(name: string, line: string): void {
    try {
      const file = this.fileOf(name);
      const bytes = Buffer.from(`${file.torn ? '\n' : ''}${line}\n`);
      const written = fs.writeSync(file.handle, bytes);
      file.bytes += written;
      file.torn = written < bytes.length && (written > 0 || file.torn);
    } catch {
      // See above.
    }
  }

  close(): void {
    for (const { handle } of this.open.values()) fs.closeSync(handle);
    this.open.clear();
  }

  private fileOf(name: string): LogFile {
    const known = this.open.get(name);
    if (known && known.bytes <= this.fileBytesMax) return known;
    if (known) {
      // Forgotten first: the number of a closed file soon belongs to another one.
      this.open.delete(name);
      fs.closeSync(known.handle);
      fs.renameSync(this.pathOf(name), `${this.pathOf(name)}.1`);
    }
    const handle = fs.openSync(this.pathOf(name), 'a');
    const file = { handle, bytes: fs.fstatSync(handle).size, torn: false };
    this.open.set(name, file);
    return file;
  }

  private pathOf(name: string): string {
    return path.join(this.dir, `${name}.log`);
  }
}
