import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Account, ids } from './account';
import type { Binaries } from './binaries';
import { serverEnvironment } from './data-directory';
import type { LogFile } from './log-file';
import { commandLine, isAlive, processesNaming, startMark, workingDirectory } from './processes';

/** What postmaster.pid says: https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h */
export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly status: string;
}

const FILE = 'postmaster.pid';
/** An immediate shutdown has nothing to do but to end its processes. */
const IMMEDIATE_MS_MAX = 3_000;
/** Beyond the process ids of any system: a pid file that holds it is stale to Postgres. */
const NOBODY = 2_147_483_646;

export function readPidFile(pgData: string): PidFile | undefined {
  let lines: string[];
  try {
    lines = readFileSync(path.join(pgData, FILE), 'utf8').split('\n');
  } catch {
    return undefined;
  }
  const pid = Number(lines[0]);
  return Number.isInteger(pid) && pid > 0
    ? { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() }
    : undefined;
}

/** What a server of ours is known by. */
export interface Identity {
  readonly clusterName: string;
  readonly pgData: string;
}

/** Whether `pid` is the server of this data, ours or one started by hand, and not a process that got its number. */
export function isServer(pid: number, { clusterName, pgData }: Identity): boolean {
  if (!isAlive(pid)) return false;
  const line = commandLine(pid);
  if (line === undefined || line.includes(clusterName)) return true;
  return line.includes('postgres') && (line.includes(pgData) || workingDirectory(pid) === realpathSync(pgData));
}

/**
 * A pid file whose number now belongs to another process would keep Postgres from starting for ever. Its number is
 * replaced, and the rest kept: by the shared memory it names, Postgres still notices old backends that are alive.
 */
export function disownPidFile(pgData: string): void {
  const file = path.join(pgData, FILE);
  const text = readFileSync(file, 'utf8');
  writeFileSync(`${file}.stale`, text.replace(/^\d+/, String(NOBODY)));
  renameSync(`${file}.stale`, file);
}

export interface SpawnOptions extends Identity {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  /** How the server names `pgData`. */
  readonly pgDataName: string;
  readonly log: LogFile;
}

/**
 * Starts a server that outlives us: in a session of its own, so that Ctrl-C reaches us and not it (its clients are to
 * finish first), its output in a file, not in a pipe that would break.
 */
export function spawnPostmaster({
  binaries,
  account,
  pgData,
  pgDataName,
  clusterName,
  log,
}: SpawnOptions): ChildProcess {
  const fd = log.openForAppend();
  try {
    // On Windows pg_ctl takes away an administrator's rights, which Postgres refuses as it does root's.
    const [command, args] =
      process.platform === 'win32'
        ? [binaries.pgCtl, ['-D', pgDataName, '-W', '-l', log.file, '-o', `-c cluster_name=${clusterName}`, 'start']]
        : [binaries.postgres, ['-D', pgDataName, '-c', `cluster_name=${clusterName}`]];
    const child = spawn(command as string, args as string[], {
      ...ids(account),
      cwd: pgData,
      detached: true,
      stdio: ['ignore', fd, fd],
      env: serverEnvironment(),
      windowsHide: true,
    });
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    closeSync(fd);
  }
}

/** Whether the binaries were built with lz4: not all packages are. */
export function supportsLz4({
  binaries,
  account,
  pgData,
  pgDataName,
}: Pick<SpawnOptions, 'binaries' | 'account' | 'pgData' | 'pgDataName'>): boolean {
  const nothing = process.platform === 'win32' ? 'NUL' : '/dev/null';
  const args = [
    '-D',
    pgDataName,
    '-c',
    `config_file=${nothing}`,
    '-c',
    'default_toast_compression=lz4',
    '-C',
    'default_toast_compression',
  ];
  return spawnSync(binaries.postgres, args, { ...ids(account), cwd: pgData, env: serverEnvironment() }).status === 0;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function gone(isGone: () => boolean, waitMsMax: number): Promise<boolean> {
  for (const deadline = performance.now() + waitMsMax; performance.now() < deadline; await sleep(10))
    if (isGone()) return true;
  return isGone();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}

/**
 * Fast shutdown: transactions under way are rolled back, everything is written out. When that takes longer than
 * `waitMsMax`, immediate shutdown: the next start recovers from the WAL. False when the process is there even then.
 */
export async function stopPostmaster(
  pid: number,
  identity: Identity,
  waitMsMax: number,
  binaries: Binaries,
): Promise<boolean> {
  const { clusterName, pgData } = identity;
  // Not `isServer`: a process on its way out has lost its command line while it still holds the folder.
  const began = startMark(pid);
  const isGone = (): boolean => !isAlive(pid) || startMark(pid) !== began;
  if (process.platform === 'win32') {
    const stop = (mode: string): boolean =>
      spawnSync(binaries.pgCtl, ['-D', pgData, '-m', mode, '-w', '-t', String(Math.ceil(waitMsMax / 1_000)), 'stop'])
        .status === 0;
    return stop('fast') || stop('immediate') || isGone();
  }
  signal(pid, 'SIGINT');
  if (await gone(isGone, waitMsMax)) return true;
  signal(pid, 'SIGQUIT');
  if (await gone(isGone, IMMEDIATE_MS_MAX)) return true;
  signal(pid, 'SIGKILL');
  return (await gone(isGone, 5_000)) && endOrphans(clusterName);
}

/** Ends backends whose postmaster was killed, which notice it by themselves unless they are busy. False when some stay. */
export async function endOrphans(clusterName: string, waitMsMax = 2_000): Promise<boolean> {
  const orphans = (): number[] => processesNaming(`postgres: ${clusterName}:`);
  if (await gone(() => orphans().length === 0, waitMsMax)) return true;
  for (const pid of orphans()) signal(pid, 'SIGQUIT');
  if (await gone(() => orphans().length === 0, waitMsMax)) return true;
  for (const pid of orphans()) signal(pid, 'SIGKILL');
  return gone(() => orphans().length === 0, waitMsMax);
}
