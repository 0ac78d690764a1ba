import fs, { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceSystem } from '../chaos/system';
import { createClient, type Totals } from '../demo/client';
import { processIdentity } from '../start/process-identity';
import { runningProcesses, type RunningProcess } from '../start/running';
import { SteadyClient } from './steady-client';
import type { Finding } from './verdict';

export interface ShutdownOptions {
  readonly portBase: number;
  /** Times that each way of stopping is tried. */
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

const CONNECTIONS = 24;
const LOAD_MS = 3_000;
/** What every service promises: SHUTDOWN_TIMEOUT. */
const EXIT_MS_MAX = 30_000;
const SETTLE_MS_MAX = 120_000;
/** Each once, under load: the services alone, which are started again; everything; and nobody left to stop them. */
const WAYS = ['SIGTERM to each service', 'SIGTERM to the supervisor', 'SIGKILL to the supervisor'] as const;
type Way = (typeof WAYS)[number];

/** The whole system is stopped under load, in each way, over and over. */
export async function shutdown({ portBase, rounds, signal, tell }: ShutdownOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const way of WAYS) {
      signal.throwIfAborted();
      const found = await stopOnce(way, portBase, signal);
      for (const { what } of found) tell(`${round} ${way}: ${what}`);
      findings.push(...found.map(({ what, ok }) => ({ what: `${way}: ${what}`, ok })));
    }
  const failed = findings.filter(({ ok }) => !ok);
  return failed.length > 0
    ? failed
    : [{ what: `${rounds} times ${WAYS.join(', ')} under load: all ended in time`, ok: true }];
}

async function stopOnce(way: Way, portBase: number, signal: AbortSignal): Promise<Finding[]> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-shutdown-'));
  // Postgres may run as another account, which has to get to its data.
  fs.chmodSync(dataDir, 0o755);
  const said: string[] = [];
  const system = new MillraceSystem({
    ...{ dataDir, portBase, workers: 2, proxyPort: portBase + 9, env: { LOG_LEVEL: 'error' } },
    onLine: (line) => void (line.startsWith('supervisor ') && said.push(line.slice('supervisor '.length))),
  });
  const client = new SteadyClient(portBase + 1, CONNECTIONS);
  try {
    await system.ready();
    client.start();
    await sleep(LOAD_MS, undefined, { signal });
    const processes = runningProcesses(dataDir);
    // What is restarted after it was stopped is not asked for.
    const stopped = processes.filter(({ name }) => way !== 'SIGTERM to each service' || name !== 'postgres');
    const ended = stop(way, system, stopped);
    const findings = await ended;
    await client.stop();
    if (way !== 'SIGTERM to each service')
      return [...findings, ...client.findings(way === 'SIGTERM to the supervisor')];
    await system.ready();
    findings.push(...exitsOf(said, stopped), ...client.findings(true));
    return [...findings, ...(await settled(system.url, client, signal))];
  } finally {
    await client.stop();
    await system.stop();
    await fs.promises.rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function stop(way: Way, system: MillraceSystem, processes: readonly RunningProcess[]): Promise<Finding[]> {
  const alive = new Map(processes.map(({ name, pid }) => [name, { pid, identity: processIdentity(pid) }]));
  const began = performance.now();
  if (way === 'SIGTERM to each service') for (const { pid } of processes) process.kill(pid, 'SIGTERM');
  else system.signal('supervisor', way === 'SIGTERM to the supervisor' ? 'SIGTERM' : 'SIGKILL');
  while (alive.size > 0 && performance.now() - began < EXIT_MS_MAX + 10_000) {
    for (const [name, { pid, identity }] of alive) if (processIdentity(pid) !== identity) alive.delete(name);
    await sleep(20);
  }
  const seconds = (performance.now() - began) / 1_000;
  const hung = [...alive].map(([name, { pid }]) => `${name} (${whereOf(pid)})`);
  for (const { pid } of alive.values()) process.kill(pid, 'SIGKILL');
  return [
    {
      what: hung.length > 0 ? `still there: ${hung.join(', ')}` : `all gone after ${seconds.toFixed(1)} s`,
      ok: hung.length === 0 && seconds <= EXIT_MS_MAX,
    },
  ];
}

/** What a process that does not end is waiting in, by thread; Linux only. */
function whereOf(pid: number): string {
  try {
    return fs
      .readdirSync(`/proc/${pid}/task`)
      .map((task) => {
        const read = (name: string): string => fs.readFileSync(`/proc/${pid}/task/${task}/${name}`, 'latin1').trim();
        return `${read('comm')}: ${read('wchan')} ${read('syscall').split(' ')[0]}`;
      })
      .join('; ');
  } catch (error) {
    return (error as Error).message;
  }
}

/** Each was seen to end, and with 0. */
function exitsOf(said: readonly string[], processes: readonly RunningProcess[]): Finding[] {
  return processes.map(({ name }) => {
    const how = said.map((line) => /^(\S+) (exited with code \d+|was ended by \w+)/.exec(line));
    const exit = how.find((match) => match?.[1] === name)?.[2] ?? 'was not seen to end';
    return { what: `${name} ${exit}`, ok: exit === 'exited with code 0' };
  });
}

async function settled(origin: string, client: SteadyClient, signal: AbortSignal): Promise<Finding[]> {
  const asking = createClient(origin, { signal });
  const deadline = performance.now() + SETTLE_MS_MAX;
  let totals: Totals;
  do {
    await sleep(200, undefined, { signal });
    totals = await asking.conservation();
  } while ((totals.pending > 0 || totals.received < client.accepted) && performance.now() < deadline);
  const { received, landed, duplicate, quarantined, pending } = totals;
  return [
    {
      what: `${client.accepted} accepted, ${received} received, ${landed} landed`,
      ok:
        received >= client.accepted &&
        received <= client.accepted + client.unknown &&
        received === landed &&
        duplicate + quarantined + pending === 0,
    },
  ];
}
