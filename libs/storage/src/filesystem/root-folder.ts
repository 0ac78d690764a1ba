import { lstat, mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { StorageError } from '../port';
import type { DirectorySync } from './directory-sync';
import { errno } from './errors';

/** Folders remembered as durable; beyond it the memory starts afresh, at the cost of one fsync a folder. */
const DURABLE_FOLDERS_MAX = 10_000;

/**
 * Maps object paths to files below one folder and sees to it that nothing reached by a symbolic link counts as an
 * object: the real path of every file must be the root's real path followed by the object's path.
 */
export class RootFolder {
  private opened: Promise<string> | null = null;
  private readonly durable = new Set<string>();

  constructor(
    private readonly given: string,
    private readonly syncs: DirectorySync,
  ) {}

  /** The root's real path. Creates the folder, durably, when it is absent. */
  open(): Promise<string> {
    this.opened ??= this.create().catch((error: unknown) => {
      this.opened = null;
      throw error;
    });
    return this.opened;
  }

  /** The file of an existing object. Throws ENOENT when there is none, `STORAGE_BAD_PATH` when a link leads to it. */
  async existing(objectPath: string): Promise<string> {
    const expected = path.join(await this.open(), objectPath);
    return this.assertNoLink(objectPath, expected, await realpath(expected));
  }

  /**
   * The file where an object is to be created. Its folders exist durably afterwards: of a folder that this process did
   * not sync before, the parent is synced, for another process may have made it and not come to its own sync yet.
   */
  async toCreate(objectPath: string): Promise<string> {
    const file = path.join(await this.open(), objectPath);
    await this.ensureFolder(objectPath, path.dirname(file));
    return file;
  }

  /** Forgets a folder that turned out to be gone. */
  forget(file: string): void {
    const root = path.resolve(file, path.parse(file).root);
    for (let at = path.dirname(file); at !== root && this.durable.delete(at); at = path.dirname(at));
  }

  private async ensureFolder(objectPath: string, folder: string): Promise<void> {
    const root = await this.open();
    if (folder === root) return;
    if (this.durable.has(folder)) {
      try {
        this.assertNoLink(objectPath, folder, await realpath(folder));
        return;
      } catch (error) {
        if (errno(error) !== 'ENOENT') throw error;
        this.durable.delete(folder);
      }
    }
    const parent = path.dirname(folder);
    await this.ensureFolder(objectPath, parent);
    try {
      await mkdir(folder);
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error;
      const found = await lstat(folder);
      if (!found.isDirectory()) {
        const what = found.isSymbolicLink() ? 'a symbolic link' : 'an object';
        throw new StorageError(
          'STORAGE_BAD_PATH',
          objectPath,
          `${path.relative(root, folder)} is ${what}: ${objectPath}`,
        );
      }
    }
    await this.syncs.sync(parent);
    if (this.durable.size >= DURABLE_FOLDERS_MAX) this.durable.clear();
    this.durable.add(folder);
  }

  private async create(): Promise<string> {
    const absolute = path.resolve(this.given);
    const first = await mkdir(absolute, { recursive: true });
    if (first !== undefined) {
      const above = path.dirname(first);
      for (let at = path.dirname(absolute); ; at = path.dirname(at)) {
        await this.syncs.sync(at);
        if (at === above || at === path.dirname(at)) break;
      }
    }
    return realpath(absolute);
  }

  private assertNoLink(objectPath: string, expected: string, real: string): string {
    if (real === expected) return real;
    throw new StorageError('STORAGE_BAD_PATH', objectPath, `a symbolic link is in the way: ${objectPath}`);
  }
}
