import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { StartError } from './start-error';

/** What lives in a data folder. */
export interface DataFolder {
  readonly root: string;
  /** Objects of the storage port: raw zone, staged files, tables, contracts. */
  readonly lake: string;
  readonly postgres: string;
  /** The master keys: whoever has them and the databases can read what is sealed. */
  readonly keys: string;
  readonly logs: string;
  /** Scratch files; emptied at each start. */
  readonly temporary: string;
}

const FREE_BYTES_MIN = 256 * 1024 * 1024;

function nearestExisting(folder: string): string {
  return fs.existsSync(folder) ? folder : nearestExisting(path.dirname(folder));
}

/** With the folders above it, one at a time: asked for all at once Node goes on for ever where one is refused with ENOENT. */
function makeFolder(dir: string): void {
  try {
    fs.mkdirSync(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && fs.statSync(dir).isDirectory()) return;
    const above = path.dirname(dir);
    if (code !== 'ENOENT' || fs.existsSync(above)) throw error;
    makeFolder(above);
    fs.mkdirSync(dir);
  }
}

/** Creates what is missing. Throws StartError when the folder is read-only, no folder, or its disk is full. */
export function openDataFolder(dir: string): DataFolder {
  const root = path.resolve(dir);
  const folder: DataFolder = {
    root,
    lake: path.join(root, 'lake'),
    postgres: path.join(root, 'postgres'),
    keys: path.join(root, 'keys'),
    logs: path.join(root, 'logs'),
    temporary: path.join(root, 'tmp'),
  };
  try {
    // Making folders on a read-only file system says ENOENT of the first one; asking what exists says why.
    if (!fs.existsSync(root)) fs.accessSync(nearestExisting(root), fs.constants.W_OK);
    makeFolder(root);
    // People's data is in these. Postgres sees to its own, which another account may have to enter.
    for (const each of [folder.lake, folder.keys, folder.logs, folder.temporary])
      fs.mkdirSync(each, { recursive: true, mode: 0o700 });
    const probe = path.join(root, `.write-probe.${process.pid}`);
    fs.writeFileSync(probe, Buffer.alloc(4096));
    fs.rmSync(probe);
  } catch (error) {
    throw explainFolderError(root, error as NodeJS.ErrnoException);
  }
  const disk = fs.statfsSync(root);
  const free = disk.bavail * disk.bsize;
  if (free < FREE_BYTES_MIN) {
    throw new StartError(
      `The disk of ${root} is nearly full: ${mib(free)} MiB free, at least ${mib(FREE_BYTES_MIN)} MiB are needed.\nMake room, or choose a folder on another disk with --data DIR.`,
    );
  }
  return folder;
}

/** A sentence for each way in which a folder cannot be written to. */
export function explainFolderError(root: string, error: NodeJS.ErrnoException): StartError {
  const elsewhere = 'Choose another folder with --data DIR.';
  const sentences: Record<string, string> = {
    EACCES: `The data folder ${root} may not be written by this user. Change its owner or mode. ${elsewhere}`,
    EPERM: `The data folder ${root} may not be written by this user. Change its owner or mode. ${elsewhere}`,
    EROFS: `The data folder ${root} is on a read-only file system. ${elsewhere}`,
    ENOSPC: `The disk of ${root} is full. Make room. ${elsewhere}`,
    EDQUOT: `The disk quota of ${root} is used up. Make room. ${elsewhere}`,
    ENOTDIR: `${root} cannot be a data folder: a part of the path is a file. ${elsewhere}`,
    ENOENT: `The data folder ${root} cannot be made: its file system takes no new folders there. ${elsewhere}`,
    EEXIST: `${root} cannot be a data folder: a file of that name exists. ${elsewhere}`,
  };
  return new StartError(sentences[error.code ?? ''] ?? `The data folder ${root} cannot be used: ${error.message}`, {
    cause: error,
  });
}

/**
 * The generated passwords of a data folder, one per name, made on first use and kept in `secrets.json` (mode 0600).
 * 192 random bits each, URL-safe.
 */
export function passwordsOf(folder: DataFolder, names: readonly string[]): Record<string, string> {
  const file = path.join(folder.root, 'secrets.json');
  let known: Record<string, string> = {};
  try {
    known = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new StartError(
        `${file} cannot be read: ${(error as Error).message}. It holds the passwords of the databases in this folder.`,
        { cause: error },
      );
    }
  }
  const missing = names.filter((name) => !known[name]);
  if (missing.length === 0) return known;
  const all = { ...known, ...Object.fromEntries(missing.map((name) => [name, randomBytes(24).toString('base64url')])) };
  const temporary = `${file}.${process.pid}`;
  const handle = fs.openSync(temporary, 'w', 0o600);
  try {
    fs.writeSync(handle, JSON.stringify(all, null, 2));
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(temporary, file);
  return all;
}

const mib = (bytes: number): number => Math.floor(bytes / 1024 / 1024);
