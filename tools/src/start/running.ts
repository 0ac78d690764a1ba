import fs from 'node:fs';
import path from 'node:path';

/** A process of a running Millrace, by its name under the supervisor: `ingest-gateway`, `curation-worker-2`, … */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
}

/** What the supervisor of a data folder runs now; `postgres` is Postgres' keeper. Empty while the record is being written. */
export function runningProcesses(dataDir: string): readonly RunningProcess[] {
  try {
    const lock = fs.readFileSync(path.join(dataDir, 'supervisor.lock'), 'utf8');
    return (JSON.parse(lock) as { children: RunningProcess[] }).children;
  } catch {
    return [];
  }
}

/** Postgres' main process; null while there is none. */
export function postmasterPid(dataDir: string): number | null {
  try {
    const file = path.join(dataDir, 'postgres', 'data', 'postmaster.pid');
    return Number(fs.readFileSync(file, 'utf8').split('\n')[0]) || null;
  } catch {
    return null;
  }
}

/** The main process and its children; Linux only. */
export function postgresPids(dataDir: string): readonly number[] {
  const postmaster = postmasterPid(dataDir);
  if (postmaster === null) return [];
  try {
    const children = fs.readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim();
    return [postmaster, ...children.split(' ').filter(Boolean).map(Number)];
  } catch {
    return [];
  }
}

/** A size in /proc/<pid>/status, KiB, say `VmRSS`; 0 for a process that is gone, and where there is no /proc. */
export function memoryKib(pid: number, field: string): number {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
