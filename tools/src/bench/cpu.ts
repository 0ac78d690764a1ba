import fs from 'node:fs';
import { postmasterPid, runningProcesses } from '../start/running';

/** CPU seconds used so far, by process name; Postgres is all of its processes, ended ones included. */
export type CpuSeconds = Readonly<Record<string, number>>;

const TICKS_PER_SECOND = 100;

/** Reads /proc; empty where there is none (not Linux). Figures of a service start anew when it is restarted. */
export function readCpu(dataDir: string): CpuSeconds {
  if (!fs.existsSync('/proc/self/stat')) return {};
  const used: Record<string, number> = {};
  for (const { name, pid } of runningProcesses(dataDir))
    if (name !== 'postgres') used[name] = (used[name] ?? 0) + ticksOf(pid, false) / TICKS_PER_SECOND;
  used.postgres = postgresTicks(dataDir) / TICKS_PER_SECOND;
  return used;
}

/** The postmaster's own time, that of its ended children, and that of the living ones. */
function postgresTicks(dataDir: string): number {
  const postmaster = postmasterPid(dataDir);
  if (postmaster === null) return 0;
  let ticks = ticksOf(postmaster, true);
  for (const entry of fs.readdirSync('/proc')) {
    const fields = /^\d+$/.test(entry) ? statOf(Number(entry)) : null;
    if (fields && Number(fields[1]) === postmaster) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}

function ticksOf(pid: number, withEnded: boolean): number {
  const fields = statOf(pid);
  if (!fields) return 0;
  const own = Number(fields[11]) + Number(fields[12]);
  return withEnded ? own + Number(fields[13]) + Number(fields[14]) : own;
}

/** Fields of /proc/<pid>/stat from `state` on (proc(5)); null when the process is gone. */
function statOf(pid: number): string[] | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

export const since = (before: CpuSeconds, after: CpuSeconds): CpuSeconds =>
  Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]));
