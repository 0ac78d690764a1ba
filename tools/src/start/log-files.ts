import fs from 'node:fs';
import path from 'node:path';

const FILE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * One log file per process in a folder, `<name>.log` and the one before it, `<name>.log.1`: at most 16 MiB each pair.
 * A line that cannot be written (a full disk) is given up; logging never stops what is logged.
 */
export class LogFiles {
  private readonly open = new Map<string, { handle: number; bytes: number }>();

  constructor(private readonly dir: string) {}

  write(name: string, line: string): void {
    try {
      const text = `${line}\n`;
      let file = this.open.get(name) ?? this.openFile(name);
      if (file.bytes > FILE_BYTES_MAX) {
        fs.closeSync(file.handle);
        fs.renameSync(this.pathOf(name), `${this.pathOf(name)}.1`);
        file = this.openFile(name);
      }
      fs.writeSync(file.handle, text);
      file.bytes += Buffer.byteLength(text);
    } catch {
      // See above.
    }
  }

  close(): void {
    for (const { handle } of this.open.values()) fs.closeSync(handle);
    this.open.clear();
  }

  private openFile(name: string): { handle: number; bytes: number } {
    const handle = fs.openSync(this.pathOf(name), 'a');
    const file = { handle, bytes: fs.fstatSync(handle).size };
    this.open.set(name, file);
    return file;
  }

  private pathOf(name: string): string {
    return path.join(this.dir, `${name}.log`);
  }
}
