import { randomBytes } from 'node:crypto';
import { load } from './load';
import { percentile } from './percentile';
import { type Bench, martsAreBuilt, waitFor } from './with-millrace';
import { more, workDone } from './work-done';

/** What one and the same small piece of work took, by name and unit. Times are means or medians; the rest is counted. */
export type Probe = Readonly<Record<string, number>>;

const RATE = 500;
const SECONDS = 12;
const WARM_UP_SECONDS = 6;
const QUERIES = 100;
const MARTS_MS_MAX = 1_800_000;
const SETTLED_MS_MAX = 300_000;

/** Lands, commits and builds some thousand events of a month that nothing else has, and asks for it. */
export async function probe(bench: Bench, month: string): Promise<Probe> {
  // Else the history's own marts would be rebuilt beside it.
  await waitFor(() => martsAreBuilt(bench.origin), MARTS_MS_MAX);
  const daily = `${bench.origin}/v1/shipments/daily?from=${month}-01&to=${month}-28`;
  // What is read once after a start, and pages that nobody has in memory yet, are no part of the work.
  const earlier = await countOf(daily);
  const warm = await load(randomBytes(4).toString('hex'), { ...sent(bench, month), seconds: WARM_UP_SECONDS });
  await waitFor(async () => (await countOf(daily)) >= earlier + warm.acknowledged, SETTLED_MS_MAX);
  await waitFor(() => martsAreBuilt(bench.origin), SETTLED_MS_MAX);
  const counted = await countOf(daily);
  const before = { took: await durations(bench), work: await workDone(bench) };
  const run = randomBytes(4).toString('hex');
  const { acknowledged } = await load(run, { ...sent(bench, month), seconds: SECONDS });
  await waitFor(async () => (await countOf(daily)) >= counted + acknowledged, SETTLED_MS_MAX);
  await waitFor(() => martsAreBuilt(bench.origin), SETTLED_MS_MAX);
  const after = { took: await durations(bench), work: await workDone(bench) };
  const count = (name: string): number => (after.took.get(name)?.count ?? 0) - (before.took.get(name)?.count ?? 0);
  const meanMs = (name: string): number =>
    (((after.took.get(name)?.sum ?? 0) - (before.took.get(name)?.sum ?? 0)) / count(name)) * 1_000;
  const thousands = acknowledged / 1_000;
  const of = (...[kind, name]: [Parameters<typeof more>[0], string]): number =>
    more(kind, name, before.work, after.work);
  return {
    'landing: claim, ms': meanMs('claim'),
    'landing: stage, ms': meanMs('stage'),
    'landing: blocks of curation a thousand events': of('blocks', 'curation_worker') / thousands,
    'landing: rows of curation scanned a thousand events': of('scanned', 'curation_worker') / thousands,
    'landing: KiB read by curation a thousand events': of('read', 'curation-worker') / 1_024 / thousands,
    'landing: CPU ms of curation a thousand events': (of('cpu', 'curation-worker') * 1_000) / thousands,
    'commit, ms': meanMs('commit'),
    'rebuild, ms': meanMs('rebuild'),
    // Not for each of them: slower ones are fewer, and each does more.
    'tables: commits and rebuilds': count('commit') + count('rebuild'),
    'tables: KiB read by table-manager a thousand events': of('read', 'table-manager') / 1_024 / thousands,
    'tables: blocks of table-manager a thousand events': of('blocks', 'table_manager') / thousands,
    'tables: rows of table-manager scanned a thousand events': of('scanned', 'table_manager') / thousands,
    'tables: CPU ms of table-manager a thousand events': (of('cpu', 'table-manager') * 1_000) / thousands,
    ...(await asked(bench, 'query', daily)),
    ...(await asked(bench, 'trace', `${bench.origin}/v1/events/${run}-AA0:created/trace`)),
  };
}

const sent = ({ gateway }: Bench, month: string) => ({
  ...{ origin: gateway, rate: RATE, perRequest: 50, connections: 4, month },
});

const HISTOGRAMS: readonly (readonly [name: string, service: string, metric: string])[] = [
  ['claim', 'curation-worker', 'millrace_landing_step_seconds_X{service="curation-worker",step="claim"}'],
  ['stage', 'curation-worker', 'millrace_landing_step_seconds_X{service="curation-worker",step="stage"}'],
  ['commit', 'table-manager', 'millrace_commit_duration_seconds_X{service="table-manager"}'],
  ['rebuild', 'table-manager', 'millrace_rebuild_duration_seconds_X{service="table-manager"}'],
];

/** Sum and count of each histogram so far, s. */
async function durations({ metricsOf }: Bench): Promise<Map<string, { sum: number; count: number }>> {
  const found = new Map<string, { sum: number; count: number }>();
  for (const [name, service, metric] of HISTOGRAMS) {
    const text = await metricsOf(service);
    const value = (suffix: string): number => {
      const line = text.split('\n').find((each) => each.startsWith(`${metric.replace('X', suffix)} `));
      return line ? Number(line.slice(line.lastIndexOf(' ') + 1)) : 0;
    };
    found.set(name, { sum: value('sum'), count: value('count') });
  }
  return found;
}

async function countOf(daily: string): Promise<number> {
  const response = await fetch(daily);
  if (!response.ok) return 0;
  const { rows } = (await response.json()) as { rows: Record<string, number>[] };
  return rows.reduce((sum, row) => sum + row.created + row.picked_up + row.delivered + row.exceptions, 0);
}

/** One question, over and over. */
async function asked(bench: Bench, name: string, url: string): Promise<Probe> {
  const before = await workDone(bench);
  const took: number[] = [];
  for (let i = 0; i < QUERIES; i++) {
    const began = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url} was answered with ${response.status}`);
    took.push(performance.now() - began);
  }
  const after = await workDone(bench);
  const each = (...[kind, who]: [Parameters<typeof more>[0], string]): number =>
    more(kind, who, before, after) / QUERIES;
  return {
    [`${name}, ms`]: percentile(
      took.sort((a, b) => a - b),
      0.5,
    ),
    [`${name}: KiB read by analytics`]: each('read', 'analytics-api') / 1_024,
    [`${name}: blocks of analytics`]: each('blocks', 'analytics_api'),
    [`${name}: rows of analytics scanned`]: each('scanned', 'analytics_api'),
    [`${name}: CPU ms of analytics`]: each('cpu', 'analytics-api') * 1_000,
  };
}
