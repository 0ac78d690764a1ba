import fs from 'node:fs';

/** Of Linux' accounting; `getconf CLK_TCK` is 100 on every platform that Node supports. */
const TICKS_PER_SECOND = 100;

/**
 * CPU-seconds that processes and all their descendants have used until now, from /proc; children that ended and were
 * waited for are in their parent's sums. NaN where there is no /proc.
 */
export function cpuSecondsOf(roots: readonly number[]): number {
  if (!fs.existsSync('/proc/self/stat')) return NaN;
  const children = new Map<number, number[]>();
  const ticks = new Map<number, number>();
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (!stat) continue;
    ticks.set(stat.pid, stat.ticks);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat.pid]);
  }
  let sum = 0;
  for (const queue = [...roots]; queue.length > 0;) {
    const pid = queue.pop() as number;
    sum += ticks.get(pid) ?? 0;
    queue.push(...(children.get(pid) ?? []));
  }
  return sum / TICKS_PER_SECOND;
}

function readStat(pid: number): { pid: number; parent: number; ticks: number } | null {
  let text: string;
  try {
    text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // ended meanwhile
  }
  // proc(5): the name may hold anything and ends at the last parenthesis; then state, ppid, …, utime (14th) to cstime (17th).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return { pid, parent: Number(fields[1]), ticks: utime + stime + cutime + cstime };
}
