import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Checker, type Report } from '../checker/checker';
import { type HistoryEntry, parseHistory } from '../checker/history';
import type { FaultSeen } from '../checker/observations';
import type { ShipmentEvent } from '../checker/shipment-fold';
import type { Vacuity } from '../checker/vacuity';
import { readDataSet } from '../demo/data-set';
import { ChaosClient } from './client';
import { CommitCutter } from './commit-cutter';
import { Injector } from './injector';
import { observe } from './observe';
import { drained, httpRows } from './drained';
import { seededRandom, type Uniform } from './random';
import { EVENTS, SHIPMENTS } from './shipment-item';
import { MillraceSystem } from './system';
import { workload } from './workload';

export interface ChaosOptions {
  readonly dataDir: string;
  readonly portBase: number;
  readonly seed: number;
  readonly workers: number;
  /** Requests under way at once, about (default 6). */
  readonly clients?: number;
  readonly vacuity: Vacuity;
  readonly env?: Readonly<Record<string, string>>;
  readonly onFault: (fault: FaultSeen, kills: number) => void;
  readonly onLine: (text: string) => void;
  readonly say: (text: string) => void;
  /** Aborted to end the run; it then rejects, and nothing of it runs any more. */
  readonly signal?: AbortSignal;
  /** Failpoints of the first processes, by service. */
  readonly firstPlans?: Readonly<Record<string, string>>;
  /** Strikes while the load runs, and resolves when it has struck enough. */
  readonly strike: (parts: ChaosParts) => Promise<void>;
}

export interface ChaosParts {
  readonly system: MillraceSystem;
  readonly cutter: CommitCutter;
  readonly injector: Injector;
  readonly random: Uniform;
  readonly signal: AbortSignal;
}

export interface ChaosOutcome {
  readonly report: Report;
  readonly statuses: ReadonlyMap<number, number>;
  readonly healMs: number;
}

/** So short that faults outlast them: leases, silence and windows that are minutes in production. */
const IMPATIENT = {
  ...{ PARTITION_LEASE: '2s', WORKER_HEARTBEAT_EVERY: '500ms', WORKER_SILENCE_MAX: '3s', LANDING_LINGER: '50ms' },
  ...{ STAGED_KEEP: '5s', TABLES_COMPACT_EVERY: '2s', TABLES_COMPACT_FILES_MIN: '4', TABLES_VACUUM_EVERY: '1m' },
  ...{ IDEMPOTENCY_LOCK: '5s', MARTS_REBUILD_EVERY: '500ms', LOG_LEVEL: 'warn', DUCKDB_MEMORY_MAX: '256MiB' },
};

const CLIENTS = 6;
/** Between two requests of a client: the load is to last, not to fill the machine. */
const PAUSE_MS_MAX = 350;
const REST_MS: readonly [number, number] = [900, 2_600];
const GIVE_UP_MS = 60_000;

/** Starts everything, loads it while it is struck, lets it heal, and judges what there is in the end. */
export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { dataDir, portBase, seed, say, onFault } = options;
  const proxyPort = portBase + 15;
  const env = { ...IMPATIENT, ...options.env };
  const system = new MillraceSystem({ ...options, proxyPort, env });
  const cutter = new CommitCutter({ port: proxyPort, postgresPort: system.postgresPort });
  const stop = new AbortController();
  options.signal?.addEventListener('abort', () => stop.abort(), { once: true });
  await cutter.start();
  const history = fs.createWriteStream(path.join(dataDir, 'history.jsonl'));
  try {
    for (const [service, plan] of Object.entries(options.firstPlans ?? {})) system.failpoints.plan(service, plan);
    system.start();
    await system.ready();
    say('everything is ready; the load begins');
    const sent = new Sent();
    const record = (entry: HistoryEntry): void => void history.write(`${JSON.stringify(entry)}\n`);
    const client = new ChaosClient({ origin: system.url, record, nowMs: () => Math.round(performance.now()) });
    const random = seededRandom(seed);
    const injector = new Injector({ system, cutter, random, restMs: REST_MS, onFault });
    const loading = load(client, sent, { seed, clients: options.clients ?? CLIENTS }, stop.signal);
    const loaded = Promise.all(loading);
    // A failure of the load ends the strikes; it is thrown below.
    loaded.catch(() => stop.abort());
    await options.strike({ system, cutter, injector, random, signal: stop.signal }).finally(() => stop.abort());
    await loaded;
    options.signal?.throwIfAborted();
    system.failpoints.disarm();
    say(`struck; ${client.acknowledged.toLocaleString('en-US')} items acknowledged; healing`);
    const began = performance.now();
    await system.ready();
    injector.noteFailpoints();
    const settled = await drained(system, say, options.signal);
    const healMs = performance.now() - began;
    const conservation = await httpRows(system.url, '/v1/conservation?limit=10000');
    await new Promise<void>((resolve) => history.end(() => resolve()));
    const checker = new Checker({ tables: [EVENTS, SHIPMENTS], vacuity: options.vacuity });
    const lines = fs.readFileSync(path.join(dataDir, 'history.jsonl'), 'utf8').split('\n');
    for (const entry of parseHistory(lines)) checker.history(entry);
    for (const fault of injector.faults) checker.fault(fault);
    const { shipments, hashes } = sent;
    const databaseUrl = settled.adminUrl;
    await observe(checker, {
      lakeDir: path.join(dataDir, 'lake'),
      masterKeyFile: path.join(dataDir, 'keys', 'master.json'),
      databaseUrl,
      conservation,
      shipments,
      hashes,
    });
    return { report: checker.finish(), statuses: client.statuses, healMs };
  } finally {
    stop.abort();
    history.end();
    await system.stop();
    await cutter.stop();
  }
}

/** What was sent, by key. */
class Sent {
  readonly shipments = new Map<string, ShipmentEvent>();
  readonly hashes = new Map<string, string>();
}

/** Clients side by side, each with a workload of its own, until aborted; then each finishes what it has begun. */
function load(
  client: ChaosClient,
  sent: Sent,
  { seed, clients }: { readonly seed: number; readonly clients: number },
  signal: AbortSignal,
): Promise<void>[] {
  const { lines } = readDataSet();
  const giveUp = new AbortController();
  signal.addEventListener('abort', () => setTimeout(() => giveUp.abort(), GIVE_UP_MS).unref(), { once: true });
  return Array.from({ length: clients }, async (_, i) => {
    const random = seededRandom(seed * 1_000 + i);
    const share = lines.filter((_line, n) => n % clients === i);
    for (const request of workload(share, random, `${seed}-${i}`)) {
      if (signal.aborted) return;
      for (const { sent: item, shipment } of request.items) {
        sent.hashes.set(item.key, item.hash);
        if (shipment) sent.shipments.set(item.key, shipment);
      }
      const sends = request.twice ? [request, request] : [request];
      await Promise.all(sends.map((each) => client.send(each, giveUp.signal)));
      await sleep(random() * PAUSE_MS_MAX);
    }
  });
}
