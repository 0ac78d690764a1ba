import Table from 'cli-table3';
import type { Comparison, Run } from './measure';

/** What the design asks of the hot path: at least this share of a server that validates and stores nothing. */
export const RATIO_MIN = 0.6;

const HEAD = ['load', 'server', 'events/s', 'ratio', 'p50 ms', 'p99 ms', 'CPU-s per 100k'];

/** The measurement as a table, two rows a load. */
export function renderComparisons(comparisons: readonly Comparison[]): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  for (const { scenario, gateway, raw, ratio, ratios } of comparisons) {
    const spread = `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`;
    table.push([scenario.name, 'ingest-gateway, durable', ...figures(gateway, spread)]);
    table.push(['', 'raw Fastify + ajv, stores nothing', ...figures(raw, '')]);
  }
  return table.toString();
}

function figures(run: Run, ratio: string): string[] {
  return [
    Math.round(run.eventsPerSecond).toLocaleString('en-US'),
    ratio,
    run.p50Ms.toFixed(2),
    run.p99Ms.toFixed(2),
    run.cpuSecondsPer100k.toFixed(2),
  ];
}
