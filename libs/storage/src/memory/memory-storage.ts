import { readFile, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { assertObjectPath, assertPrefix, compareUtf8 } from '../path-rules';
import { type ObjectInfo, type StagedFolder, type StagedObject, type Storage, StorageError } from '../port';
import { LocalCopies } from './local-copies';

export interface MemoryStorageOptions {
  readonly now?: () => number;
}

export interface MemoryStorage extends Storage {
  /** Drops all objects and the local files made of them. */
  clear(): void;
}

/** Objects of this process alone, for tests and simulations. Nothing survives it, so "durable" means no more than done. */
export function createMemoryStorage(options: MemoryStorageOptions = {}): MemoryStorage {
  const now = options.now ?? (() => Date.now());
  const objects = new Map<string, { bytes: Buffer; modifiedAt: Date }>();
  const local = new LocalCopies();

  const infoOf = (path: string): ObjectInfo | null => {
    const found = objects.get(path);
    return found ? { path, bytes: found.bytes.length, modifiedAt: found.modifiedAt } : null;
  };

  /** Checks and inserts without an await between them, which makes it atomic here. */
  const create = (path: string, bytes: Buffer): void => {
    if (objects.has(path)) throw new StorageError('STORAGE_EXISTS', path, `the object exists: ${path}`);
    objects.set(path, { bytes, modifiedAt: new Date(now()) });
  };

  const find = (path: string): Buffer => {
    const found = objects.get(path);
    if (!found) throw new StorageError('STORAGE_NOT_FOUND', path, `there is no such object: ${path}`);
    return found.bytes;
  };

  async function* chunks(path: string, range?: { start: number; end?: number }): AsyncGenerator<Buffer> {
    yield Buffer.from(find(path).subarray(range?.start ?? 0, range?.end));
  }

  return {
    async createIfAbsent(path: string, bytes: Buffer): Promise<void> {
      assertObjectPath(path);
      create(path, Buffer.from(bytes));
    },

    async put(path: string, bytes: Buffer): Promise<void> {
      assertObjectPath(path);
      objects.set(path, { bytes: Buffer.from(bytes), modifiedAt: new Date(now()) });
    },

    async get(path: string): Promise<Buffer> {
      assertObjectPath(path);
      return Buffer.from(find(path));
    },

    read(path: string, range?: { start: number; end?: number }): Readable {
      assertObjectPath(path);
      return Readable.from(chunks(path, range), { objectMode: false });
    },

    async stat(path: string): Promise<ObjectInfo | null> {
      assertObjectPath(path);
      return infoOf(path);
    },

    async *list(prefix: string, listOptions?: { startAfter?: string }): AsyncGenerator<ObjectInfo> {
      assertPrefix(prefix);
      const after = listOptions?.startAfter ?? '';
      const paths = [...objects.keys()].filter((p) => p.startsWith(prefix) && compareUtf8(p, after) > 0);
      for (const path of paths.sort(compareUtf8)) {
        const info = infoOf(path);
        if (info) yield info;
      }
    },

    async delete(path: string): Promise<void> {
      assertObjectPath(path);
      objects.delete(path);
      await local.drop(path);
    },

    async localPath(path: string): Promise<string> {
      assertObjectPath(path);
      return local.copy(path, find(path));
    },

    async stage(path: string): Promise<StagedObject> {
      assertObjectPath(path);
      const localPath = local.fresh(path);
      const discard = (): Promise<void> => rm(localPath, { force: true });
      return {
        localPath,
        async publish(): Promise<void> {
          create(path, await readFile(localPath));
          await discard();
        },
        discard,
      };
    },

    async stageFolder(): Promise<StagedFolder> {
      const localPath = await local.freshFolder();
      return {
        localPath,
        async publish(files): Promise<void> {
          for (const file of files) assertObjectPath(file.path);
          for (const file of files) create(file.path, await readFile(file.localPath));
        },
        discard: () => rm(localPath, { recursive: true, force: true }),
      };
    },

    async freeBytes(): Promise<null> {
      return null;
    },

    clear(): void {
      objects.clear();
      local.clear();
    },
  };
}
