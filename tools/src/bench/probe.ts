import { randomBytes } from 'node:crypto';
import { load } from './load';
import { percentile } from './percentile';
import { type Bench, martsAreBuilt, waitFor } from './with-millrace';

/** What one and the same small piece of work took: means over its landings, commits and rebuilds; medians of queries, ms. */
export interface Probe {
  readonly claimMs: number;
  readonly stageMs: number;
  readonly commitMs: number;
  readonly rebuildMs: number;
  readonly queryMs: number;
  readonly traceMs: number;
}

const RATE = 500;
const SECONDS = 12;
const QUERIES = 15;
const MARTS_MS_MAX = 1_800_000;

/** Lands, commits and builds some thousand events of a month that nothing else has, and asks for it. */
export async function probe(bench: Bench, month: string): Promise<Probe> {
  // Else the history's own marts would be rebuilt beside it.
  await waitFor(() => martsAreBuilt(bench.origin), MARTS_MS_MAX);
  const before = await durations(bench);
  const run = randomBytes(4).toString('hex');
  const settings = { seconds: SECONDS, rate: RATE, perRequest: 50, connections: 4, month };
  const { acknowledged } = await load(run, { origin: bench.gateway, ...settings });
  const daily = `${bench.origin}/v1/shipments/daily?from=${month}-01&to=${month}-28`;
  await waitFor(async () => (await countOf(daily)) >= acknowledged);
  const after = await durations(bench);
  const mean = (name: string): number => {
    const [sum, count] = [0, 1].map((i) => (after.get(name)?.[i] ?? 0) - (before.get(name)?.[i] ?? 0));
    return count > 0 ? (sum / count) * 1_000 : Number.NaN;
  };
  return {
    claimMs: mean('claim'),
    stageMs: mean('stage'),
    commitMs: mean('commit'),
    rebuildMs: mean('rebuild'),
    queryMs: await medianMs(daily),
    traceMs: await medianMs(`${bench.origin}/v1/events/${run}-AA0:created/trace`),
  };
}

const HISTOGRAMS: readonly (readonly [name: string, service: string, metric: string])[] = [
  ['claim', 'curation-worker', 'millrace_landing_step_seconds_X{service="curation-worker",step="claim"}'],
  ['stage', 'curation-worker', 'millrace_landing_step_seconds_X{service="curation-worker",step="stage"}'],
  ['commit', 'table-manager', 'millrace_commit_duration_seconds_X{service="table-manager"}'],
  ['rebuild', 'table-manager', 'millrace_rebuild_duration_seconds_X{service="table-manager"}'],
];

/** Sum and count of each histogram so far, s. */
async function durations({ metricsOf }: Bench): Promise<Map<string, [sum: number, count: number]>> {
  const found = new Map<string, [number, number]>();
  for (const [name, service, metric] of HISTOGRAMS) {
    const text = await metricsOf(service);
    const value = (suffix: string): number => {
      const line = text.split('\n').find((each) => each.startsWith(`${metric.replace('X', suffix)} `));
      return line ? Number(line.slice(line.lastIndexOf(' ') + 1)) : 0;
    };
    found.set(name, [value('sum'), value('count')]);
  }
  return found;
}

async function countOf(daily: string): Promise<number> {
  const response = await fetch(daily);
  if (!response.ok) return 0;
  const { rows } = (await response.json()) as { rows: Record<string, number>[] };
  return rows.reduce((sum, row) => sum + row.created + row.picked_up + row.delivered + row.exceptions, 0);
}

async function medianMs(url: string): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const began = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
    took.push(performance.now() - began);
  }
  return percentile(
    took.sort((a, b) => a - b),
    0.5,
  );
}
