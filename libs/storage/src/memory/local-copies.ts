import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Folders to remove with the process, by one listener for all. */
const folders = new Set<string>();
let listening = false;

function removeAtExit(folder: string): void {
  folders.add(folder);
  if (listening) return;
  listening = true;
  process.once('exit', () => {
    for (const each of folders) rmSync(each, { recursive: true, force: true });
  });
}

/** Files for engines that read and write files only. The folder is made at first use and removed with the process. */
export class LocalCopies {
  private folder: string | null = null;
  private readonly copies = new Map<string, { of: Buffer; file: string }>();

  /** A file holding `bytes`, written once for each content of a path. */
  async copy(objectPath: string, bytes: Buffer): Promise<string> {
    const known = this.copies.get(objectPath);
    if (known?.of === bytes) return known.file;
    const file = this.fresh(objectPath);
    await writeFile(file, bytes);
    this.copies.set(objectPath, { of: bytes, file });
    return file;
  }

  async drop(objectPath: string): Promise<void> {
    const known = this.copies.get(objectPath);
    this.copies.delete(objectPath);
    if (known) await rm(known.file, { force: true });
  }

  fresh(likeName: string): string {
    return path.join(this.open(), `${randomUUID()}${path.extname(likeName).slice(0, 16)}`);
  }

  async freshFolder(): Promise<string> {
    const folder = this.fresh('');
    await mkdir(folder);
    return folder;
  }

  clear(): void {
    this.copies.clear();
    if (this.folder) {
      rmSync(this.folder, { recursive: true, force: true });
      folders.delete(this.folder);
    }
    this.folder = null;
  }

  private open(): string {
    if (this.folder === null) {
      this.folder = mkdtempSync(path.join(tmpdir(), 'millrace-memory-'));
      removeAtExit(this.folder);
    }
    return this.folder;
  }
}
