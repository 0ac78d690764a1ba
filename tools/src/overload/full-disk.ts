import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailpointPlans } from '../chaos/failpoint-plans';
import { createClient } from '../demo/client';
import { startMillrace } from '../start/millrace';
import { runningProcesses } from '../start/running';
import { type DiskPlace, type Progress } from './disk-places';
import { published } from './published-contract';
import { SmallDisk } from './small-disk';
import { onStage, type Stage, type StageOptions } from './stage';
import { type Finding, judgeConservation } from './verdict';

const RECOVERY_MS_MAX = 60_000;
const SETTLE_MS_MAX = 120_000;
/** How long a service waits before what is to meet the full disk. */
const WAIT_MS = 10_000;
const REACHED_MS_MAX = 60_000;
/** What was under way when the room ended is over by then. */
const OVER_MS = 5_000;
const POLL_MS = 500;
const LOAD = { connections: 8, eventsPerRequest: 100, rate: 20, warmupSeconds: 0 };

type Readings = Readonly<Partial<Record<Progress, number>>>;

/**
 * The disk of one place is full under load, while all others have room, and has room again. What was answered 2xx must
 * have landed, once; while there is no room nothing may be acknowledged that is not there, readiness must say why where
 * work stands still, and all goes on by itself afterwards.
 */
export async function fullDisk(
  place: DiskPlace,
  options: StageOptions & { readonly seconds: number; readonly tell: (line: string) => void },
): Promise<Finding[]> {
  let disk: SmallDisk | null = null;
  const dataDir = fs.mkdtempSync(path.join(options.parent ?? os.tmpdir(), 'millrace-full-disk-'));
  // Postgres may run as another account, which has to get to its data.
  fs.chmodSync(dataDir, 0o755);
  try {
    const failpoints = new FailpointPlans(path.join(dataDir, 'failpoints'));
    disk = await mounted(place, dataDir, options);
    const env = { LOG_LEVEL: 'warn', ...place.env, ...failpoints.env };
    const small = disk;
    return await onStage({ ...options, env, dataDir }, (stage) =>
      fullUnderLoad(stage, place, small, failpoints, options),
    );
  } finally {
    disk?.unmount();
    fs.rmSync(`${dataDir}.img`, { force: true });
    fs.rmSync(dataDir, { recursive: true, force: true });
  }
}

async function fullUnderLoad(
  stage: Stage,
  place: DiskPlace,
  disk: SmallDisk,
  failpoints: FailpointPlans,
  { seconds, tell }: { readonly seconds: number; readonly tell: (line: string) => void },
): Promise<Finding[]> {
  const { waits } = place;
  const before = await stage.load({ ...LOAD, seconds: 5 });
  tell(`before     accepted ${before.accepted} of ${before.sent} requests`);
  if (waits) await waiting(stage, waits, failpoints);
  disk.fill();
  const under = stage.load({ ...LOAD, seconds });
  // Looked at below; what is looked at before may fail as well.
  under.catch(() => undefined);
  const began = performance.now();
  const reasons: Record<string, string> = {};
  const look = async (msMax: number): Promise<Readings> => {
    while (performance.now() - began < msMax) {
      // Whatever was freed meanwhile is taken as well.
      disk.fill();
      Object.assign(reasons, await unready(stage));
      await sleep(POLL_MS, undefined, { signal: stage.signal });
    }
    return readings(stage);
  };
  const over = await look(OVER_MS + (waits ? WAIT_MS : 0));
  const refusedContract = place.name === 'contracts' ? await published(stage.origin) : null;
  const late = await look(seconds * 1_000);
  const full = await under;
  tell(
    `full       accepted ${full.accepted} of ${full.sent}, refused ${JSON.stringify(full.refused)}, lost ${full.lost}`,
  );
  tell(`           readiness ${JSON.stringify(reasons)}`);
  tell(`           ${JSON.stringify(over)}, and then ${JSON.stringify(late)}`);
  for (const said of complaints(stage.dataDir)) tell(`           ${said}`);
  disk.free();
  const recovery = await recovered(stage);
  const after = await stage.load({ ...LOAD, seconds: 5 });
  tell(`after      accepted ${after.accepted} of ${after.sent}`);
  const totals = await stage.settled(SETTLE_MS_MAX);
  const built = await builtAll(stage);
  const contract = place.name === 'contracts' ? await published(stage.origin) : null;
  const refused = Object.entries(full.refused);
  return [
    place.refuses
      ? { what: `${JSON.stringify(full.refused)} refused while full`, ok: refused.length > 0 }
      : { what: `${full.accepted} of ${full.sent} accepted while full`, ok: full.accepted === full.sent },
    {
      what: 'refusals are 503 with Retry-After',
      ok: refused.every(([status]) => status === '503') && full.withoutRetryAfter === 0,
    },
    ...place.stands.map((progress) => ({
      what: `${progress} stood at ${late[progress] ?? 'what cannot be told'} while full`,
      ok: over[progress] !== undefined && over[progress] === late[progress],
    })),
    {
      what: `readiness named ${Object.keys(reasons).join(', ') || 'nobody'}; expected ${place.unready.join(', ') || 'nobody'}`,
      ok: place.unready.length > 0 ? place.unready.every((name) => name in reasons) : Object.keys(reasons).length === 0,
    },
    {
      what: `ready again ${recovery === null ? 'never' : `${recovery.toFixed(1)} s after there was room`}`,
      ok: recovery !== null,
    },
    { what: `${after.accepted} of ${after.sent} accepted afterwards`, ok: after.accepted === after.sent },
    { what: built ? 'all marts are built' : 'marts are not built', ok: built },
    ...(refusedContract === null
      ? []
      : [
          {
            what: `a contract was answered ${refusedContract} while full, ${contract} afterwards`,
            ok: refusedContract >= 500 && contract === 201,
          },
        ]),
    ...judgeConservation(totals, stage.items, stage.unknown),
    { what: `processes that ended: ${stage.mishaps.join('; ') || 'none'}`, ok: true },
  ];
}

/** The small disk in its place of the data folder. */
async function mounted(place: DiskPlace, dataDir: string, options: StageOptions): Promise<SmallDisk> {
  const folder = path.join(dataDir, place.folder);
  const image = `${dataDir}.img`;
  if (place.name !== 'wal') return SmallDisk.mount(image, folder, place.mib);
  // Postgres makes its folder by itself, and takes no other that has something in it: its log moves afterwards.
  const first = await startMillrace(
    { dataDir, portBase: options.portBase, workers: 1, jsonLogs: true },
    { env: process.env, signal: options.signal, onLine: () => undefined, say: () => undefined },
  );
  await first.stop();
  const aside = `${dataDir}.wal`;
  fs.cpSync(folder, aside, { recursive: true, preserveTimestamps: true });
  const disk = SmallDisk.mount(image, folder, place.mib);
  fs.cpSync(aside, folder, { recursive: true, preserveTimestamps: true });
  fs.rmSync(aside, { recursive: true });
  const { uid, gid } = fs.statSync(path.dirname(folder));
  for (const entry of ['', ...(fs.readdirSync(folder, { recursive: true }) as string[])])
    fs.chownSync(path.join(folder, entry), uid, gid);
  return disk;
}

/** Ends a service, and resolves when the next process of it waits at the place. The load that leads there goes on. */
async function waiting(
  stage: Stage,
  { service, place }: NonNullable<DiskPlace['waits']>,
  failpoints: FailpointPlans,
): Promise<void> {
  failpoints.plan(service, `${service}/${place}=delay:${WAIT_MS}`);
  const running = runningProcesses(stage.dataDir).find(({ name }) => name.startsWith(service));
  if (running) process.kill(running.pid, 'SIGKILL');
  const deadline = performance.now() + REACHED_MS_MAX;
  while (failpoints.done(service).length === 0) {
    if (performance.now() > deadline) throw new Error(`${service} did not come to ${place}`);
    await stage.load({ ...LOAD, rate: 4, seconds: 1 });
  }
}

async function readings(stage: Stage): Promise<Readings> {
  try {
    const { landed } = await createClient(stage.origin, { signal: stage.signal, waitMsMax: 1_000 }).conservation();
    const { number, rows } = await tables(stage);
    const built = rows.flatMap(({ name, builtTo }) =>
      name.startsWith('mart.') && builtTo !== undefined ? builtTo : [],
    );
    return { landed, committed: number, built: Math.min(...built) };
  } catch {
    stage.signal.throwIfAborted();
    return {};
  }
}

async function tables({ origin, signal }: Stage) {
  const response = await fetch(`${origin}/v1/tables`, { signal });
  return (await response.json()) as { number: number; rows: { name: string; builtTo?: number }[] };
}

/** Seconds until all services are ready; null when they are not in time. */
async function recovered(stage: Stage): Promise<number | null> {
  const began = performance.now();
  while (performance.now() - began < RECOVERY_MS_MAX) {
    if (Object.keys(await unready(stage)).length === 0) return (performance.now() - began) / 1_000;
    await sleep(250, undefined, { signal: stage.signal });
  }
  return null;
}

async function builtAll(stage: Stage): Promise<boolean> {
  const deadline = performance.now() + SETTLE_MS_MAX;
  while (performance.now() < deadline) {
    const { number, rows } = await tables(stage);
    if (rows.every(({ name, builtTo }) => !name.startsWith('mart.') || builtTo === number)) return true;
    await sleep(POLL_MS, undefined, { signal: stage.signal });
  }
  return false;
}

const NO_ROOM = /[^"{}]*(?:ENOSPC|No space left)[^"{}]*/;
const COMPLAINTS_MAX = 10;

/** What the services' logs say of a disk without room, each once, so that one sees what has met it. */
function complaints(dataDir: string): string[] {
  const folder = path.join(dataDir, 'logs');
  const found = new Set<string>();
  for (const name of fs.readdirSync(folder).filter((each) => each.endsWith('.log')))
    for (const line of fs.readFileSync(path.join(folder, name), 'utf8').split('\n')) {
      const said = NO_ROOM.exec(line)?.[0];
      if (said)
        found.add(`${path.basename(name, '.log')}: ${said.replace(/[0-9a-f]*\d[0-9a-f-]*/g, 'n').slice(0, 160)}`);
    }
  return [...found].slice(0, COMPLAINTS_MAX);
}

/** What is not ready, with its reason, over all services. */
async function unready({ origin, signal }: Stage): Promise<Record<string, string>> {
  const response = await fetch(`${origin}/readiness`, { signal });
  const { services } = (await response.json()) as { services: Record<string, { ready: boolean; detail?: unknown }> };
  return Object.fromEntries(
    Object.entries(services)
      .filter(([, { ready }]) => !ready)
      .map(([name, { detail }]) => [name, reasonIn(detail)]),
  );
}

/** Of a service's readiness, the resources that are not ready. */
function reasonIn(detail: unknown): string {
  const resources = (detail as { resources?: Record<string, string> } | undefined)?.resources;
  if (!resources) return JSON.stringify(detail);
  const named = Object.entries(resources).filter(([, answer]) => !answer.startsWith('ready'));
  return named.map(([name, answer]) => `${name}: ${answer}`).join('; ');
}
