import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../demo/client';
import { type CpuSeconds, readCpu, since } from './cpu';
import { load, type LoadResult, shipmentEvent } from './load';
import { type Bench, type BenchOptions, committedEvents, freshFolder, waitFor, withMillrace } from './with-millrace';

export interface WholePathResult {
  readonly events: number;
  readonly load: LoadResult;
  /** From the first request until everything had landed, and until everything was in the Delta tables' catalog, s. */
  readonly landedSeconds: number;
  readonly committedSeconds: number;
  readonly cpu: CpuSeconds;
}

/** Milliseconds from an event's 2xx until a reader sees it, sorted. */
export interface Freshness {
  readonly visible: readonly number[];
  /** Of one event a second: until analytics-api shows its row, asked for by its id. */
  readonly found: readonly number[];
  readonly inMarts: readonly number[];
}

/**
 * Events through the whole path: accepted, validated, deduplicated, landed, committed to Delta.
 *
 * @param prepare what is to be done before
 */
export function wholePath(
  settings: { rate: number; seconds: number; perRequest: number; connections: number },
  options: BenchOptions = {},
  prepare: (bench: Bench) => Promise<void> = async () => undefined,
): Promise<WholePathResult> {
  return withMillrace(async (bench) => {
    const { origin, gateway, dataDir } = bench;
    await prepare(bench);
    const client = createClient(origin);
    await load('warm', { origin: gateway, seconds: 2, rate: 2_000, perRequest: 100, connections: 4 });
    await waitFor(async () => (await client.conservation()).pending === 0);
    const before = (await client.conservation()).landed;
    const cpuBefore = readCpu(dataDir);
    const began = performance.now();
    const loaded = await load(randomBytes(4).toString('hex'), { origin: gateway, ...settings });
    await waitFor(async () => (await client.conservation()).landed >= before + loaded.acknowledged);
    const landedSeconds = (performance.now() - began) / 1000;
    await waitFor(async () => (await committedEvents(origin)) >= before + loaded.acknowledged);
    const committedSeconds = (performance.now() - began) / 1000;
    const cpu = since(cpuBefore, readCpu(dataDir));
    return { events: loaded.acknowledged, load: loaded, landedSeconds, committedSeconds, cpu };
  }, options);
}

/** Asking costs what is asked some of the cores: five minutes at most, four times a second. */
const PATIENTLY = [300_000, 250] as const;

/**
 * The same from the log on: what is accepted while no worker runs lands once one does, and nobody sends meanwhile. The
 * clock begins with the first landing.
 */
export async function fromLog(
  events: number,
  options: BenchOptions = {},
  prepare: (bench: Bench) => Promise<void> = async () => undefined,
): Promise<Omit<WholePathResult, 'load'>> {
  const dataDir = freshFolder();
  try {
    await withMillrace(prepare, { ...options, dataDir });
    const acknowledged = await withMillrace(
      async ({ gateway }) => {
        const most = { seconds: 600, rate: 0, perRequest: 500, connections: 16 };
        return (await load(randomBytes(4).toString('hex'), { origin: gateway, events, ...most })).acknowledged;
      },
      { ...options, dataDir, workers: 0 },
    );
    return await withMillrace(
      async ({ origin }) => {
        const client = createClient(origin);
        await waitFor(async () => (await client.conservation()).landed > 0);
        const before = { landed: (await client.conservation()).landed, cpu: readCpu(dataDir), at: performance.now() };
        const seconds = (): number => (performance.now() - before.at) / 1000;
        await waitFor(async () => (await client.conservation()).landed >= acknowledged, ...PATIENTLY);
        const landedSeconds = seconds();
        await waitFor(async () => (await committedEvents(origin)) >= acknowledged, ...PATIENTLY);
        const committedSeconds = seconds();
        const cpu = since(before.cpu, readCpu(dataDir));
        return { events: acknowledged - before.landed, landedSeconds, committedSeconds, cpu };
      },
      { ...options, dataDir },
    );
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/**
 * How long an event takes from its 2xx until a reader sees it, at a steady rate: events are counted in the catalog's
 * tables and in the daily mart, over and over. Those of the first `warmUpSeconds`, when the code of new processes is
 * being compiled, are told apart.
 */
export function freshness(
  settings: { rate: number; warmUpSeconds: number; seconds: number },
  options: BenchOptions = {},
): Promise<{ warmUp: Freshness; steady: Freshness }> {
  const { rate, warmUpSeconds, seconds } = settings;
  return withMillrace(async ({ origin, gateway }) => {
    const acknowledged: { at: number; first: number; upTo: number }[] = [];
    let total = 0;
    const warmUntil = performance.now() + warmUpSeconds * 1_000;
    const loading = load('fresh', {
      ...{ rate, seconds: warmUpSeconds + seconds },
      origin: gateway,
      perRequest: 10,
      connections: 8,
      onAcknowledged: (first, count, at) => acknowledged.push({ at, first, upTo: (total += count) }),
    });
    const none = (): Record<keyof Freshness, number[]> => ({ visible: [], found: [], inMarts: [] });
    const measured = { warmUp: none(), steady: none() };
    const note = (what: keyof Freshness, at: number): void => {
      measured[at < warmUntil ? 'warmUp' : 'steady'][what].push(performance.now() - at);
    };
    let loadDone = false;
    const ended = (): void => void (loadDone = true);
    loading.then(ended, ended);
    const follow = async (count: () => Promise<number>, into: keyof Freshness, everyMs: number): Promise<void> => {
      let seen = 0;
      while (!loadDone || seen < acknowledged.length) {
        const rows = await count();
        // Events become visible about in the order of their acknowledgement: counts stand for events.
        for (; seen < acknowledged.length && acknowledged[seen].upTo <= rows; seen++) note(into, acknowledged[seen].at);
        await sleep(everyMs);
      }
    };
    const find = async (everyMs: number): Promise<void> => {
      for (; !loadDone; await sleep(everyMs)) {
        const newest = acknowledged.at(-1);
        if (!newest) continue;
        await traced(origin, shipmentEvent('fresh', newest.first));
        note('found', newest.at);
      }
    };
    await Promise.all([
      loading,
      follow(() => committedEvents(origin), 'visible', 20),
      follow(() => martCount(origin), 'inMarts', 100),
      find(1_000),
    ]);
    for (const each of Object.values(measured)) for (const values of Object.values(each)) values.sort((a, b) => a - b);
    return measured;
  }, options);
}

/** Resolves once the trace of an event shows its row: an answer waits for that, and is asked for again where it is late. */
async function traced(origin: string, event: string): Promise<void> {
  const { event_id: id } = JSON.parse(event) as { event_id: string };
  await waitFor(async () => {
    const response = await fetch(`${origin}/v1/events/${encodeURIComponent(id)}/trace`);
    return ((await response.json()) as { status: unknown }).status === 'LANDED';
  }, 60_000);
}

async function martCount(origin: string): Promise<number> {
  const response = await fetch(`${origin}/v1/shipments/daily?limit=10000`);
  if (!response.ok) return 0;
  const { rows } = (await response.json()) as { rows: Record<string, number>[] };
  return rows.reduce((sum, row) => sum + row.created + row.picked_up + row.delivered + row.exceptions, 0);
}
