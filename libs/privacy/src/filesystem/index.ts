import { constants } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Random } from '@millrace/observability';
import { KEY_BYTES } from '../cipher';
import { KeyError } from '../errors';
import type { MasterKeys } from '../master-keys';
import { type KeySet, wrappingBy } from '../wrapping';

interface KeyFile {
  readonly current: string;
  /** Base64, by name. */
  readonly keys: Readonly<Record<string, string>>;
}

/**
 * Master keys in a local file, `{"current": name, "keys": {name: base64}}`. The file is made on first use, readable by
 * its owner only; of several processes that make it at once one wins and all use its key. A file that others may read or
 * write is refused. Keys are added by hand (see docs/privacy.md); the file is read again when it has changed.
 */
export function createFileMasterKeys(file: string, random: Pick<Random, 'bytes'>): MasterKeys {
  let known: { readonly version: string; readonly set: KeySet } | null = null;
  return wrappingBy(async () => {
    const version = (await versionOf(file)) ?? (await make(file, random));
    if (known?.version !== version) known = { version, set: parse(file, await contentOf(file)) };
    return known.set;
  }, random);
}

/**
 * Adds a master key to the file and makes it the one that wraps; older ones stay for what they wrapped. Services see it
 * at their next use of the file, so none has to be started again. Returns its name.
 *
 * @throws KeyError KEY_MASTER_UNAVAILABLE for a file that is absent, of no use, or being rotated by somebody else
 */
export async function rotateMasterKeys(file: string, random: Pick<Random, 'bytes'>): Promise<string> {
  const lock = `${file}.rotating`;
  const name = `m-${random.bytes(6).toString('hex')}`;
  const temporary = `${file}.${name}`;
  if ((await versionOf(file)) === null) throw unreadable(file, new Error('there is none'));
  try {
    await writeSynced(lock, `${process.pid}\n`);
  } catch (cause) {
    throw new KeyError(
      'KEY_MASTER_UNAVAILABLE',
      `the keys are being rotated already, or were not to the end: ${lock}`,
      { cause },
    );
  }
  try {
    const text = await contentOf(file);
    // Nothing is built on a file that services would refuse.
    parse(file, text);
    const { keys } = JSON.parse(text) as KeyFile;
    const next: KeyFile = { current: name, keys: { ...keys, [name]: random.bytes(KEY_BYTES).toString('base64') } };
    await writeSynced(temporary, `${JSON.stringify(next, null, 2)}\n`);
    await rename(temporary, file);
    await syncFolder(path.dirname(file));
    return name;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
    await rm(lock, { force: true }).catch(() => undefined);
  }
}

const unreadable = (file: string, cause: unknown): KeyError =>
  new KeyError('KEY_MASTER_UNAVAILABLE', `the master keys in ${file} cannot be read`, { cause });

/** Changes with the file's content; null where there is none. */
async function versionOf(file: string): Promise<string | null> {
  try {
    const { mode, mtimeMs, size, ino } = await stat(file);
    if ((mode & 0o077) !== 0)
      throw new KeyError('KEY_MASTER_UNAVAILABLE', `${file} holds master keys: only its owner may read it (mode 0600)`);
    return `${ino}/${mtimeMs}/${size}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error instanceof KeyError ? error : unreadable(file, error);
  }
}

async function make(file: string, random: Pick<Random, 'bytes'>): Promise<string> {
  const folder = path.dirname(file);
  const name = `m-${random.bytes(6).toString('hex')}`;
  const temporary = path.join(folder, `.${path.basename(file)}.${process.pid}.${name}`);
  const content: KeyFile = { current: name, keys: { [name]: random.bytes(KEY_BYTES).toString('base64') } };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeSynced(temporary, `${JSON.stringify(content, null, 2)}\n`);
    // A link, unlike a rename, never replaces the key of whoever was quicker.
    await link(temporary, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await syncFolder(folder);
  } catch (cause) {
    throw new KeyError('KEY_MASTER_UNAVAILABLE', `no master key can be kept in ${file}`, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
  const version = await versionOf(file);
  if (version === null) throw unreadable(file, new Error('it is gone'));
  return version;
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const contentOf = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, error);
  });

function parse(file: string, text: string): KeySet {
  try {
    const { current, keys } = JSON.parse(text) as KeyFile;
    const set = new Map(Object.entries(keys).map(([name, base64]) => [name, Buffer.from(base64, 'base64')] as const));
    for (const [name, key] of set)
      if (key.length !== KEY_BYTES)
        throw new Error(`the key "${name}" has ${key.length} bytes instead of ${KEY_BYTES}`);
    if (!set.has(current)) throw new Error(`"current" names no key of the file`);
    return { current, keys: set };
  } catch (error) {
    throw unreadable(file, error);
  }
}
