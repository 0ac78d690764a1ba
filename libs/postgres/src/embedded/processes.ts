import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const linux = process.platform === 'linux';

function proc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

/** The fields after the process's name, which may itself hold blanks and brackets; the first is field 3, the state. */
const statFields = (pid: number): string[] | undefined =>
  proc(pid, 'stat')
    ?.replace(/^.*\) /s, '')
    .split(' ');

/**
 * Whether a process of that id runs. A zombie does not: under an init that reaps nobody (a container's first process)
 * it would count as alive for ever.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !(linux && statFields(pid)?.[0] === 'Z');
}

/** When the process started, in a form that only compares; '0' where the system does not tell. Ids are reused, this is not. */
export const startMark = (pid: number): string => (linux ? (statFields(pid)?.[19] ?? '0') : '0');

/** The command line, '' when there is none to see, undefined where the system has no means to ask. */
export function commandLine(pid: number): string | undefined {
  if (linux) return proc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? '';
  if (process.platform === 'win32') return undefined;
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
}

/** Its working directory, undefined where the system does not tell. */
export function workingDirectory(pid: number): string | undefined {
  try {
    return linux ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
  } catch {
    return undefined;
  }
}

/** Processes whose command line holds `text`. Empty where the system has no /proc. */
export function processesNaming(text: string): number[] {
  if (!linux) return [];
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => pid !== process.pid && commandLine(pid)?.includes(text) && isAlive(pid));
}
