import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { compareUtf8 } from '../path-rules';
import type { ObjectInfo } from '../port';
import { errno } from './errors';
import { isStagingFolder } from './staging-area';

/** Files whose size and time are asked for at once. */
const STATS_AT_ONCE = 64;

/**
 * Walks the files below `root` in UTF-8 byte order of their paths, holding one folder's names at a time and level.
 * A folder sorts as its name followed by `/`, so that `a-b` comes before `a/b` as it does in the order of the paths.
 * Symbolic links are neither listed nor followed.
 */
export async function* listObjects(root: string, prefix: string, startAfter: string): AsyncGenerator<ObjectInfo> {
  const cut = prefix.lastIndexOf('/') + 1;
  yield* walk(root, prefix.slice(0, cut), prefix.slice(cut), startAfter);
}

async function* walk(root: string, folder: string, nameStart: string, startAfter: string): AsyncGenerator<ObjectInfo> {
  let pending: string[] = [];
  for (const key of await entries(root, folder, nameStart)) {
    const at = folder + key;
    if (!key.endsWith('/')) {
      if (compareUtf8(at, startAfter) > 0) pending.push(at);
      if (pending.length < STATS_AT_ONCE) continue;
    }
    yield* infos(root, pending);
    pending = [];
    // All of a folder's paths begin with its key: they are past unless startAfter is among them or before them.
    if (key.endsWith('/') && (startAfter.startsWith(at) || compareUtf8(at, startAfter) > 0)) {
      yield* walk(root, at, '', startAfter);
    }
  }
  yield* infos(root, pending);
}

async function entries(root: string, folder: string, nameStart: string): Promise<string[]> {
  try {
    const found = await readdir(path.join(root, folder), { withFileTypes: true });
    return found
      .filter((e) => (e.isFile() || e.isDirectory()) && e.name.startsWith(nameStart))
      .filter((e) => folder !== '' || !isStagingFolder(e.name))
      .map((e) => (e.isDirectory() ? `${e.name}/` : e.name))
      .sort(compareUtf8);
  } catch (error) {
    // Absent, an object, or removed while we walked.
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return [];
    throw error;
  }
}

async function* infos(root: string, paths: readonly string[]): AsyncGenerator<ObjectInfo> {
  for (const info of await Promise.all(paths.map((p) => infoOf(path.join(root, p), p)))) if (info) yield info;
}

/** What the port tells of an object; null when it is absent or a folder. */
export async function infoOf(file: string, objectPath: string): Promise<ObjectInfo | null> {
  try {
    const found = await lstat(file);
    return found.isFile() ? { path: objectPath, bytes: found.size, modifiedAt: found.mtime } : null;
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return null;
    throw error;
  }
}
