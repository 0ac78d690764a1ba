import type { Report } from '../checker/checker';
import type { FaultSeen } from '../checker/observations';

const number = (value: number): string => value.toLocaleString('en-US');

/** What a run did and found, for a person. */
export function describeRun(
  title: string,
  { report, statuses, healMs }: { report: Report; statuses: ReadonlyMap<number, number>; healMs: number },
  secondsInAll: number,
): string {
  const { history, seen, faults, findings } = report;
  const kills = faults.filter(({ kind }) => kind === 'kill');
  const crashes = faults.filter(({ kind }) => kind === 'failpoint');
  const others = faults.filter(({ kind }) => kind !== 'kill' && kind !== 'failpoint');
  const answers = [...statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${n} × ${status || 'none'}`);
  return [
    `${title}: ${report.ok ? 'nothing wrong was found' : 'FINDINGS'} (${Math.round(secondsInAll)} s, healed in ${(healMs / 1000).toFixed(1)} s)`,
    `  killed        ${kills.length + crashes.length} (${counted(kills, ({ target }) => target)})`,
    `  at failpoints ${crashes.length}${crashes.length ? ` (${counted(crashes, ({ place }) => String(place))})` : ''}`,
    `  other faults  ${others.length}${others.length ? ` (${counted(others, ({ kind, target }) => `${kind} ${target}`)})` : ''}`,
    `  requests      ${number(history.attempted)}: ${number(history.acknowledged)} acknowledged, ${number(history.unknown)} unknown, ${number(history.refused)} refused (${answers.join(', ')})`,
    `  items         ${number(report.keys)} different ones, ${number(report.keysAcknowledged)} acknowledged`,
    `  received      ${number(seen.raw)} = landed ${number(seen.landed)} + duplicate ${number(seen.duplicate)} + quarantined ${number(seen.quarantined)}`,
    `  checked       ${number(report.batches)} batches, ${number(report.martCells)} cells of marts`,
    ...findings.flatMap(({ code, count, examples }) => [
      `  ✗ ${code}: ${number(count)}`,
      ...examples.map((example) => `      ${example}`),
    ]),
  ].join('\n');
}

function counted(faults: readonly FaultSeen[], nameOf: (fault: FaultSeen) => string): string {
  const counts = new Map<string, number>();
  for (const fault of faults) counts.set(nameOf(fault), (counts.get(nameOf(fault)) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
