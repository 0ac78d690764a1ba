import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { errno } from './errors';
import type { RootFolder } from './root-folder';

const FOLDER = '.staging';

/**
 * Where files are written before they have a name: one folder below the root, so that link(2) and rename(2) stay on
 * one file system and what a crash leaves behind is found without walking the lake.
 */
export class StagingArea {
  private made: Promise<string> | null = null;

  constructor(
    private readonly root: RootFolder,
    private readonly now: () => number,
  ) {}

  /** The path of a file that does not exist yet; `likeName` lends its extension. */
  async file(likeName: string): Promise<string> {
    return path.join(await this.folder(), `${randomUUID()}${path.extname(likeName).slice(0, 16)}`);
  }

  /** A new, empty folder. */
  async newFolder(): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const made = path.join(await this.folder(), randomUUID());
      try {
        // Not `recursive`: on a full disk that says ENOENT (Node asks what is there once making it has failed).
        await mkdir(made);
        return made;
      } catch (error) {
        if (errno(error) !== 'ENOENT' || attempt === 2) throw error;
        this.made = null;
      }
    }
  }

  /** Writes and syncs a new file; leaves none behind when that fails. */
  async write(bytes: Buffer): Promise<string> {
    const file = await this.file('');
    try {
      const handle = await open(file, 'wx', 0o644);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return file;
    } catch (error) {
      await rm(file, { force: true });
      // The folder was removed under us: the next write makes it again.
      if (errno(error) === 'ENOENT') this.made = null;
      throw error;
    }
  }

  /** Removes what has not been touched for `ageMs`: the leftovers of crashes. Returns how many files and folders. */
  async sweep(ageMs: number): Promise<number> {
    const folder = await this.folder();
    let removed = 0;
    for (const name of await readdir(folder)) {
      const entry = path.join(folder, name);
      if (this.now() - (await newestChange(entry)) < ageMs) continue;
      await rm(entry, { recursive: true, force: true });
      removed++;
    }
    return removed;
  }

  private folder(): Promise<string> {
    this.made ??= this.make().catch((error: unknown) => {
      this.made = null;
      throw error;
    });
    return this.made;
  }

  private async make(): Promise<string> {
    const folder = path.join(await this.root.open(), FOLDER);
    await mkdir(folder, { recursive: true });
    return folder;
  }
}

/** Milliseconds since the epoch at which the entry or anything in it last changed; Infinity when it is gone. */
async function newestChange(entry: string): Promise<number> {
  try {
    const found = await stat(entry);
    if (!found.isDirectory()) return found.mtimeMs;
    const inside = await Promise.all((await readdir(entry)).map((name) => newestChange(path.join(entry, name))));
    return Math.max(found.mtimeMs, ...inside.filter(Number.isFinite));
  } catch (error) {
    if (errno(error) === 'ENOENT') return Infinity;
    throw error;
  }
}

export const isStagingFolder = (name: string): boolean => name === FOLDER;
