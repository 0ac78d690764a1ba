import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  closeSync,
  existsSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { type Account, canReach, ids } from './account';
import type { Binaries } from './binaries';
import { EmbeddedError, explain } from './errors';
import { renderSettings, type Settings } from './settings';

const SETTINGS_FILE = 'millrace.conf';

/** The layout of a data folder. */
export class DataDirectory {
  readonly logFile: string;
  /** The processes that use the server. */
  readonly users: string;
  /** The process that starts or stops it. */
  readonly turn: string;

  constructor(readonly dir: string) {
    this.logFile = path.join(dir, 'postgres.log');
    this.users = path.join(dir, 'users');
    this.turn = path.join(dir, 'turn');
  }

  /** Where Postgres keeps its files: `data`, or what that links to where they had to be moved out. */
  get pgData(): string {
    const inside = path.join(this.dir, 'data');
    return lstatSync(inside, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(inside) : inside;
  }

  /** The port of the last start. */
  get lastPort(): number | undefined {
    try {
      return (
        Number(/^port = (\d+)$/m.exec(readFileSync(path.join(this.pgData, SETTINGS_FILE), 'utf8'))?.[1]) || undefined
      );
    } catch {
      return undefined;
    }
  }

  /** `sudo` must not leave files in a person's folder that are then in the person's way. */
  giveTo({ uid, gid }: Account): void {
    for (const file of [
      this.dir,
      ...readdirSync(this.dir)
        .filter((name) => name !== 'data')
        .map((name) => path.join(this.dir, name)),
    ]) {
      lchownSync(file, uid, gid);
    }
  }

  create(): void {
    for (const dir of [this.dir, this.users, this.turn]) mkdirSync(dir, { recursive: true });
  }

  /** Random, made once: names the server in the process list, so that it can be told from any other. */
  clusterName(): string {
    return `millrace-${this.once('cluster-id', () => randomBytes(8).toString('hex'))}`;
  }

  /** The superuser's, made once unless given, readable by the owner of the folder only. */
  password(given: string | undefined): string {
    return this.once('password', () => given ?? randomBytes(24).toString('base64url'));
  }

  /** The content of a file that is made once: of several at the same time one wins and all get its content. */
  private once(name: string, make: () => string): string {
    const file = path.join(this.dir, name);
    if (!existsSync(file)) {
      const draft = `${file}.${randomBytes(6).toString('hex')}`;
      writeFileSync(draft, make(), { mode: 0o600, flag: 'wx', flush: true });
      try {
        linkSync(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        rmSync(draft);
      }
    }
    return readFileSync(file, 'utf8');
  }

  get initialised(): boolean {
    return existsSync(path.join(this.pgData, 'PG_VERSION'));
  }
}

/**
 * How the server gets at its files. `/proc/self` has the kernel's own names for a process's working directory and open
 * files: they lead there without passing through the folders above. So an account that may not enter a 0700 home can
 * still serve data in it, when `spawn` set its working directory before it took root's rights away.
 */
export interface Doorway {
  /** The name of a folder that is the working directory. */
  readonly directory: (dir: string) => string;
  /** The name of a file that is open as descriptor 3. */
  readonly file: (file: string) => string;
}

export const PLAIN: Doorway = { directory: (dir) => dir, file: (file) => file };
const BY_PROC: Doorway = { directory: () => '/proc/self/cwd', file: () => '/proc/self/fd/3' };

export function findDoorway(dir: string, account: Account | undefined, procfs = '/proc'): Doorway | undefined {
  if (!account || canReach(dir, account)) return PLAIN;
  // As the data will be: a folder of the account's own inside one that it may not even look into.
  const probe = mkdtempSync(path.join(dir, 'probe-'));
  try {
    chownSync(probe, account.uid, account.gid);
    const look = spawnSync('ls', [`${procfs}/self/cwd/`], { ...ids(account), cwd: probe });
    return look.status === 0 ? BY_PROC : undefined;
  } finally {
    rmdirSync(probe);
  }
}

/** Moves the place of the data out of a folder that the account cannot reach, leaving a link. Returns the new place. */
export function moveOut(data: DataDirectory, root = '/var/lib/millrace'): string {
  if (existsSync(path.join(data.dir, 'data', 'PG_VERSION')) && data.pgData === path.join(data.dir, 'data')) {
    throw new EmbeddedError(
      'EMBEDDED_NO_ACCOUNT',
      `the data in ${data.pgData} cannot be reached by the account it belongs to: move it out of the closed folder, or start as its owner`,
    );
  }
  const place = path.join(root, createHash('sha256').update(realpathSync(data.dir)).digest('hex').slice(0, 16));
  mkdirSync(place, { recursive: true, mode: 0o755 });
  const target = path.join(place, 'data');
  if (data.pgData !== target) symlinkSync(target, path.join(data.dir, 'data'));
  return target;
}

/** Text sorts by code point, as it does in JavaScript's and DuckDB's default: the same on every system. */
const INITDB_ARGS = [
  '-U',
  'postgres',
  '-A',
  'scram-sha-256',
  '-E',
  'UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
];

/** Creates the cluster beside its place and renames it there when it is whole: a crash in between leaves no half of one. */
export function initialise(
  data: DataDirectory,
  binaries: Binaries,
  account: Account | undefined,
  doorway: Doorway,
  password: string,
): void {
  const parent = path.dirname(data.pgData);
  for (const name of readdirSync(parent))
    if (name.startsWith('initialising-')) rmSync(path.join(parent, name), { recursive: true, force: true });
  const making = mkdtempSync(path.join(parent, 'initialising-'));
  try {
    const place = path.join(making, 'data');
    const secret = path.join(making, 'password');
    mkdirSync(place, { mode: 0o700 });
    writeFileSync(secret, password, { mode: 0o600 });
    if (account) for (const file of [making, place, secret]) chownSync(file, account.uid, account.gid);
    const names = ['-D', doorway.directory(place), '--pwfile', doorway.file(secret)];
    const fd = openSync(secret, 'r');
    const { status, stderr, stdout, error } = spawnSync(binaries.initdb, [...names, ...INITDB_ARGS], {
      ...ids(account),
      cwd: place,
      stdio: ['ignore', 'pipe', 'pipe', fd],
      encoding: 'utf8',
      env: serverEnvironment(),
    });
    closeSync(fd);
    if (status !== 0)
      throw explain(data.dir, 'creating its data', error ?? new Error(`${stderr}${stdout}`.slice(-2_000)));
    appendFileSync(path.join(place, 'postgresql.conf'), `\ninclude '${SETTINGS_FILE}'\n`);
    renameSync(place, data.pgData);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

/** Writes the settings. True when they differ from those that were there. */
export function writeSettings(data: DataDirectory, settings: Settings, account: Account | undefined): boolean {
  const file = path.join(data.pgData, SETTINGS_FILE);
  const text = renderSettings(settings);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false;
  const draft = `${file}.new`;
  writeFileSync(draft, text, { flush: true });
  if (account) chownSync(draft, account.uid, account.gid);
  renameSync(draft, file);
  return true;
}

/** Messages in English whatever the locale, and none of the caller's PGPORT and the like. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, SystemRoot, TEMP, TMP } = process.env;
  return Object.fromEntries(
    Object.entries({ PATH, TMPDIR, SystemRoot, TEMP, TMP, LC_ALL: 'C' }).filter(([, value]) => value !== undefined),
  );
}
