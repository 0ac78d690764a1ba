import { createReadStream } from 'node:fs';
import { link, lstat, open, readFile, rename, rm, statfs } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { forEachConcurrently } from '../concurrency';
import { assertObjectPath, assertPrefix } from '../path-rules';
import { type ObjectInfo, type StagedFolder, type StagedObject, type Storage, StorageError } from '../port';
import { DirectorySync } from './directory-sync';
import { errno, toStorageError } from './errors';
import { infoOf, listObjects } from './listing';
import { RootFolder } from './root-folder';
import { StagingArea } from './staging-area';

export interface FilesystemStorageOptions {
  /** Folder that holds the objects; made when absent. A link to a folder is fine here, and nowhere below. */
  readonly root: string;
  /** Age from which unfinished files of a crash are removed when the storage is first used. Default 6 hours. */
  readonly sweepAgeMsMin?: number;
  readonly now?: () => number;
}

export interface FilesystemStorage extends Storage {
  /** Removes unfinished files untouched for `ageMs`; returns how many. Runs by itself at first use. */
  sweep(ageMs?: number): Promise<number>;
}

const SWEEP_AGE_MS = 6 * 3_600_000;
/** libuv has four threads for file work: more callers than this only wait in line. */
const PUBLISH_AT_ONCE = 16;

/**
 * Objects as files. An object is written under a name of its own, synced, and only then gets its path, by link(2),
 * which never overwrites, or by rename(2), which does so atomically; then the folder is synced. Nothing is touched
 * before the first call.
 */
export function createFilesystemStorage(options: FilesystemStorageOptions): FilesystemStorage {
  const syncs = new DirectorySync();
  const root = new RootFolder(options.root, syncs);
  const staging = new StagingArea(root, options.now ?? (() => Date.now()));
  const sweepAgeMs = options.sweepAgeMsMin ?? SWEEP_AGE_MS;
  let swept: Promise<unknown> | null = null;

  async function reading<T>(objectPath: string, task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      throw toStorageError(error, objectPath, 'reading');
    }
  }

  async function writing<T>(objectPath: string, task: () => Promise<T>): Promise<T> {
    // Leftovers only take up room: failing to remove them is no reason to refuse a write.
    swept ??= staging.sweep(sweepAgeMs).catch(() => 0);
    try {
      return await task();
    } catch (error) {
      throw toStorageError(error, objectPath, 'writing');
    }
  }

  /** Gives a synced file its path unless that is taken, and makes the entry durable. */
  async function linkDurably(file: string, objectPath: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const target = await root.toCreate(objectPath);
      try {
        await link(file, target);
      } catch (error) {
        if (errno(error) === 'EEXIST') {
          // "It exists" is an answer that callers build on: what they build on must survive power loss too.
          await syncs.sync(path.dirname(target));
          throw await taken(target, objectPath);
        }
        // The folder was removed between making it and using it; once more, from the top.
        if (errno(error) !== 'ENOENT' || attempt === 3) throw error;
        root.forget(target);
        continue;
      }
      return syncs.sync(path.dirname(target));
    }
  }

  async function publish(localPath: string, objectPath: string): Promise<void> {
    const handle = await open(localPath, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await linkDurably(localPath, objectPath);
  }

  return {
    async createIfAbsent(objectPath: string, bytes: Buffer): Promise<void> {
      assertObjectPath(objectPath);
      await writing(objectPath, async () => {
        // A loser that comes late is told without a write; the race proper is decided by link.
        const target = path.join(await root.open(), objectPath);
        if (await infoOf(target, objectPath)) {
          await syncs.sync(path.dirname(target));
          throw exists(objectPath);
        }
        const file = await staging.write(bytes);
        try {
          await linkDurably(file, objectPath);
        } finally {
          await rm(file, { force: true });
        }
      });
    },

    async put(objectPath: string, bytes: Buffer): Promise<void> {
      assertObjectPath(objectPath);
      await writing(objectPath, async () => {
        const file = await staging.write(bytes);
        try {
          const target = await root.toCreate(objectPath);
          await rename(file, target);
          await syncs.sync(path.dirname(target));
        } finally {
          await rm(file, { force: true });
        }
      });
    },

    async get(objectPath: string): Promise<Buffer> {
      assertObjectPath(objectPath);
      return reading(objectPath, async () => readFile(await root.existing(objectPath)));
    },

    read(objectPath: string, range?: { start: number; end?: number }): Readable {
      assertObjectPath(objectPath);
      return Readable.from(chunks(objectPath, range), { objectMode: false });
    },

    async stat(objectPath: string): Promise<ObjectInfo | null> {
      assertObjectPath(objectPath);
      return reading(objectPath, async () => {
        try {
          return await infoOf(await root.existing(objectPath), objectPath);
        } catch (error) {
          if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null;
          throw error;
        }
      });
    },

    async *list(prefix: string, listOptions?: { startAfter?: string }): AsyncGenerator<ObjectInfo> {
      assertPrefix(prefix);
      try {
        yield* listObjects(await root.open(), prefix, listOptions?.startAfter ?? '');
      } catch (error) {
        throw toStorageError(error, prefix, 'reading');
      }
    },

    async delete(objectPath: string): Promise<void> {
      assertObjectPath(objectPath);
      await writing(objectPath, async () => {
        try {
          const file = await root.existing(objectPath);
          await rm(file);
          await syncs.sync(path.dirname(file));
        } catch (error) {
          // `rm` refuses folders with a code of Node's own: a folder is no object, so there is nothing to delete.
          if (!['ENOENT', 'ENOTDIR', 'ERR_FS_EISDIR'].includes(errno(error) ?? '')) throw error;
        }
      });
    },

    async localPath(objectPath: string): Promise<string> {
      assertObjectPath(objectPath);
      return reading(objectPath, async () => {
        const file = await root.existing(objectPath);
        if (!(await lstat(file)).isFile()) throw notFound(objectPath);
        return file;
      });
    },

    async stage(objectPath: string): Promise<StagedObject> {
      assertObjectPath(objectPath);
      return writing(objectPath, async () => {
        const localPath = await staging.file(objectPath);
        const discard = (): Promise<void> => rm(localPath, { force: true });
        return {
          localPath,
          publish: () => writing(objectPath, () => publish(localPath, objectPath).then(discard)),
          discard,
        };
      });
    },

    async stageFolder(): Promise<StagedFolder> {
      return writing('', async () => {
        const folder = await staging.newFolder();
        return {
          localPath: folder,
          async publish(files): Promise<void> {
            for (const file of files) assertObjectPath(file.path);
            await forEachConcurrently(files, PUBLISH_AT_ONCE, (file) =>
              writing(file.path, () => publish(file.localPath, file.path)),
            );
          },
          discard: () => rm(folder, { recursive: true, force: true }),
        };
      });
    },

    async freeBytes(): Promise<{ free: number; total: number }> {
      return reading('', async () => {
        const found = await statfs(await root.open());
        return { free: found.bavail * found.bsize, total: found.blocks * found.bsize };
      });
    },

    sweep: (ageMs = sweepAgeMs) => writing('', () => staging.sweep(ageMs)),
  };

  async function* chunks(objectPath: string, range?: { start: number; end?: number }): AsyncGenerator<Buffer> {
    try {
      if (range?.end !== undefined && range.end <= range.start) return;
      const file = await root.existing(objectPath);
      yield* createReadStream(
        file,
        range && { start: range.start, end: range.end === undefined ? undefined : range.end - 1 },
      );
    } catch (error) {
      throw toStorageError(error, objectPath, 'reading');
    }
  }
}

const exists = (objectPath: string): StorageError =>
  new StorageError('STORAGE_EXISTS', objectPath, `the object exists: ${objectPath}`);

const notFound = (objectPath: string): StorageError =>
  new StorageError('STORAGE_NOT_FOUND', objectPath, `there is no such object: ${objectPath}`);

async function taken(target: string, objectPath: string): Promise<StorageError> {
  const found = await infoOf(target, objectPath);
  return found
    ? exists(objectPath)
    : new StorageError('STORAGE_BAD_PATH', objectPath, `a folder or a link is in the way: ${objectPath}`);
}
