import path from 'node:path';
import type { LoadPlan, LoadResult } from './load.child';
import { cpuSecondsOf } from './process-cpu.client';
import { startChild } from './processes';
import type { BodyFormat } from './sample-requests';
import { type MeasuredServer, startGateway, startRawFastify } from './servers';

/** One shape of load. */
export interface Scenario {
  readonly name: string;
  readonly format: BodyFormat;
  readonly eventsPerRequest: number;
  readonly connections: number;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'single, 32 connections', format: 'object', eventsPerRequest: 1, connections: 32 },
  { name: 'single, 256 connections', format: 'object', eventsPerRequest: 1, connections: 256 },
  { name: 'batches of 100, NDJSON, 32 connections', format: 'ndjson', eventsPerRequest: 100, connections: 32 },
  { name: 'batches of 100, JSON array, 32 connections', format: 'array', eventsPerRequest: 100, connections: 32 },
];

export interface MeasureOptions {
  /** Where Postgres' data goes; removed by the caller. */
  readonly folder: string;
  readonly scenarios?: readonly Scenario[];
  /** Each server runs each scenario so often, in turns. */
  readonly repeats?: number;
  readonly warmupMs?: number;
  readonly measureMs?: number;
  /** Further environment variables of the gateway. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly onProgress?: (line: string) => void;
}

/** One server under one load. */
export interface Run {
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server, its database included, without the load generator. */
  readonly cpuSecondsPer100k: number;
}

export interface Comparison {
  readonly scenario: Scenario;
  /** Medians over the repeats. */
  readonly gateway: Run;
  readonly raw: Run;
  /** Gateway's events/s over the raw server's: the median over the repeats of their ratios. */
  readonly ratio: number;
  /** Of the single repeats. */
  readonly ratios: readonly number[];
}

/**
 * Measures the gateway, with its durable log, against a Fastify server that validates and stores nothing, both loaded by
 * the same client, in turns: on a machine that others use too only figures of the same minute compare. After every run
 * of the gateway the log must have grown by what was acknowledged, or the measurement is refused.
 */
export async function measureGateway(options: MeasureOptions): Promise<Comparison[]> {
  const { scenarios = SCENARIOS, repeats = 3, onProgress = () => undefined } = options;
  const raw = await startRawFastify();
  const gateway = await startGateway(options.folder, options.settings).catch(async (error: unknown) => {
    await raw.stop();
    throw error;
  });
  const runs = new Map(scenarios.map((scenario) => [scenario, { raw: [] as Run[], gateway: [] as Run[] }]));
  try {
    for (let repeat = 1; repeat <= repeats; repeat++) {
      for (const [scenario, { raw: ofRaw, gateway: ofGateway }] of runs) {
        ofRaw.push(await load(raw, scenario, options));
        ofGateway.push(await load(gateway, scenario, options));
        const [r, g] = [ofRaw.at(-1) as Run, ofGateway.at(-1) as Run];
        const rates = `${Math.round(g.eventsPerSecond)} of ${Math.round(r.eventsPerSecond)} events/s`;
        onProgress(`${repeat}/${repeats} ${scenario.name}: ${rates}, ${ratioOf(g, r).toFixed(2)}`);
      }
    }
  } finally {
    await gateway.stop();
    await raw.stop();
  }
  return [...runs].map(([scenario, of]) => {
    const ratios = of.gateway.map((run, n) => ratioOf(run, of.raw[n]));
    return { scenario, gateway: medians(of.gateway), raw: medians(of.raw), ratio: median(ratios), ratios };
  });
}

const ratioOf = (gateway: Run, raw: Run): number => gateway.eventsPerSecond / raw.eventsPerSecond;

let numbered = 0;

async function load(server: MeasuredServer, scenario: Scenario, options: MeasureOptions): Promise<Run> {
  const plan: LoadPlan = {
    port: server.port,
    path: '/v1/events',
    format: scenario.format,
    eventsPerRequest: scenario.eventsPerRequest,
    connections: scenario.connections,
    warmupMs: options.warmupMs ?? 1_500,
    measureMs: options.measureMs ?? 5_000,
    first: numbered,
  };
  const storedBefore = await server.stored();
  const child = startChild(path.join(__dirname, 'load.child.js'), [JSON.stringify(plan)]);
  await child.line();
  const cpuBefore = cpuSecondsOf(server.pids);
  await child.line();
  const cpuSeconds = cpuSecondsOf(server.pids) - cpuBefore;
  const result = JSON.parse(await child.line()) as LoadResult;
  numbered += result.acknowledged + result.refused;
  const stored = await server.stored();
  if (result.refused > 0) throw new Error(`${server.name} refused ${result.refused} events under ${scenario.name}`);
  if (stored !== null && stored - (storedBefore ?? 0) !== result.acknowledged) {
    throw new Error(`${result.acknowledged} events were acknowledged, ${stored - (storedBefore ?? 0)} are in the log`);
  }
  return {
    eventsPerSecond: result.eventsPerSecond,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    cpuSecondsPer100k: (cpuSeconds / result.events) * 100_000,
  };
}

function medians(runs: readonly Run[]): Run {
  const of = (key: keyof Run): number => median(runs.map((run) => run[key]));
  return {
    eventsPerSecond: of('eventsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuSecondsPer100k: of('cpuSecondsPer100k'),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
