import { benchEnvelope } from '@millrace/envelope/bench';
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { runCommand } from '../start/run-command';
import { CURATION_NODE_OPTIONS, type ServiceName, WORKSPACE_ROOT } from '../start/services';
import { BENCH_USAGE, readArguments } from './arguments';
import { growth, type GrowthReport } from './growth';
import { percentile } from './percentile';
import { growthOf, memory } from './memory';
import { freshness, fromLog, wholePath, type WholePathResult } from './whole-path';
import { everythingOn, validationOnly } from './contract-variants';
import { publications } from './publication';
import type { Bench, BenchOptions } from './with-millrace';

const RATES = [10_000, 20_000, 30_000];
const EVERYTHING_RATES = [15_000, 20_000];
/** Events a second that two cores are to commit with everything on. */
const EVERYTHING_MIN = 15_000;
/** Events that wait in the log when a worker comes: half a minute of work and more. */
const BACKLOG_EVENTS = 1_000_000;
const PUBLICATIONS = 100;
/** What the path is to keep up with. */
const MEMORY_RATE = 30_000;

/**
 * `npm run bench [-- part …]`: figures of this machine, by the usual parts unless some are named. Only ratios within one run compare: the machines that run this are shared and noisy.
 */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async () => {
    let slow = false;
    const read = readArguments(args);
    if (!read) {
      console.log(BENCH_USAGE);
      return 0;
    }
    const { parts: wanted, portBase, events, synthetic, claimsMax, rounds, folder, seconds } = read;
    const options: BenchOptions = { portBase };
    const cpus = os.cpus();
    console.log(
      `${cpus.length} × ${cpus[0].model}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
    );
    if (wanted.has('envelope')) {
      console.log('\nEnvelope: microseconds an event, one thread');
      for (const { name, nanosecondsPerEvent } of benchEnvelope()) {
        console.log(`  ${name.padEnd(24)} ${(nanosecondsPerEvent / 1000).toFixed(2)}`);
      }
    }
    if (wanted.has('curation')) {
      console.log('\nCuration: what each step of the pipeline costs in memory');
      if (!benchOf('curation-worker', CURATION_NODE_OPTIONS)) slow = true;
    }
    if (wanted.has('gateway')) {
      console.log('\nGateway: durably acknowledged, against raw Fastify + ajv that stores nothing');
      if (!benchOf('ingest-gateway')) slow = true;
    }
    if (wanted.has('path')) {
      console.log(
        '\nWhole path: accepted, validated, deduplicated, landed, committed to Delta; nothing classified; NDJSON of 100',
      );
      for (const rate of RATES) await reportPath(rate, options, validationOnly);
      console.log(`  from the log, ${BACKLOG_EVENTS.toLocaleString('en-US')} events that wait in it, nobody sends:`);
      console.log(`    ${pathLine(await fromLog(BACKLOG_EVENTS, options, validationOnly))}`);
    }
    if (wanted.has('everything')) {
      console.log(
        '\nWhole path with everything on: lookups, rules, tokens and sealed lines, windows, drift; NDJSON of 100',
      );
      let most = 0;
      for (const rate of EVERYTHING_RATES) most = Math.max(most, await reportPath(rate, options, everythingOn));
      const waited = await fromLog(BACKLOG_EVENTS / 2, options, everythingOn);
      console.log(
        `  from the log, ${(BACKLOG_EVENTS / 2).toLocaleString('en-US')} events that wait in it, nobody sends:`,
      );
      console.log(`    ${pathLine(waited)}`);
      most = Math.max(most, waited.events / waited.committedSeconds);
      if (most < EVERYTHING_MIN) slow = true;
    }
    if (wanted.has('freshness')) {
      const { warmUp, steady } = await freshness({ rate: 1_000, warmUpSeconds: 5, seconds: 30 }, options);
      console.log('\nFreshness at 1,000 events/s, from 2xx');
      for (const [what, values] of Object.entries({
        'in the typed table': steady.visible,
        'in clean.events, by its id': steady.found,
        'in rebuilt marts': steady.inMarts,
        'the first 5 s: tables': warmUp.visible,
        'the first 5 s: marts': warmUp.inMarts,
      })) {
        console.log(
          `  ${what.padEnd(26)} p50 ${(percentile(values, 0.5) / 1000).toFixed(2)} s  p99 ${(percentile(values, 0.99) / 1000).toFixed(2)} s`,
        );
      }
    }
    if (wanted.has('publication')) {
      const { answered, inForce } = await publications(PUBLICATIONS, options);
      console.log(`\nContracts: ${PUBLICATIONS} versions published over HTTP, one after the other, ms`);
      for (const [what, values] of Object.entries({ 'until the answer': answered, 'then until in force': inForce }))
        console.log(
          `  ${what.padEnd(24)} p50 ${percentile(values, 0.5).toFixed(0)}  p99 ${percentile(values, 0.99).toFixed(0)}`,
        );
    }
    if (wanted.has('memory')) await reportMemory(seconds, options);
    if (wanted.has('growth')) {
      console.log('\nCost as work grows: the same small work on histories that it does not touch, in turns');
      const settings = { portBase, loaded: events, synthetic, claimsMax, rounds, folder };
      reportGrowth(await growth(settings, (line) => console.log(`  ${line}`)));
    }
    return slow ? 1 : 0;
  });
}

function reportGrowth({ histories, lines }: GrowthReport): void {
  console.log(`\n  medians of: ${histories.join(' | ')}; ratios to the first within a round, and their range`);
  for (const { measure, medians, ratios } of lines) {
    const shown = medians.map((value, i) => {
      const ratio = i > 0 ? ratios[i - 1] : null;
      const beside = ratio ? ` (×${ratio.median.toFixed(2)}, ${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})` : '';
      return `${value.toFixed(1)}${beside}`;
    });
    console.log(`  ${measure}: ${shown.join(' | ')}`);
  }
}

/** Runs a service's own bench, under the options of Node that the service has; whether it reached what is asked of it. */
function benchOf(service: ServiceName, nodeOptions: readonly string[] = []): boolean {
  const file = path.join(WORKSPACE_ROOT, 'apps', service, 'dist', 'bench', 'main.js');
  return spawnSync(process.execPath, [...nodeOptions, file], { stdio: 'inherit' }).status === 0;
}

async function reportMemory(seconds: number, options: BenchOptions): Promise<void> {
  console.log(
    `\nMemory: MiB of each process, ${MEMORY_RATE.toLocaleString('en-US')} events/s offered for ${seconds} s`,
  );
  const { acknowledged, samples } = await memory({ seconds, rate: MEMORY_RATE }, options, ({ seconds: at, rssMib }) => {
    const shown = Object.entries(rssMib).map(([name, mib]) => `${name} ${mib}`);
    console.log(`  ${at.toFixed(0).padStart(4)} s  ${shown.join('  ')}`);
  });
  const names = Object.keys(samples[0].rssMib);
  const grown = names.map((name) => `${name} ${growthOf(samples, name).toFixed(2)}`);
  console.log(`  ${acknowledged.toLocaleString('en-US')} events; last third over second: ${grown.join(', ')}`);
}

/** Events a second that were committed. */
async function reportPath(
  rate: number,
  options: BenchOptions,
  prepare?: (bench: Bench) => Promise<void>,
): Promise<number> {
  const result = await wholePath({ rate, seconds: 20, perRequest: 100, connections: 16 }, options, prepare);
  const { seconds, latencies, refused } = result.load;
  console.log(
    `  offered ${rate.toLocaleString('en-US')}/s: accepted ${perSecond(result.events, seconds)} (p99 ${percentile(latencies, 0.99).toFixed(0)} ms, ${refused} refused), ${pathLine(result)}`,
  );
  return result.events / result.committedSeconds;
}

const perSecond = (events: number, seconds: number): string =>
  `${Math.round(events / seconds).toLocaleString('en-US')}/s`;

function pathLine({ events, landedSeconds, committedSeconds, cpu }: Omit<WholePathResult, 'load'>): string {
  const per100k = 100_000 / events;
  const each = Object.entries(cpu).map(([name, seconds]) => `${name} ${(seconds * per100k).toFixed(2)}`);
  const all = Object.values(cpu).reduce((sum, seconds) => sum + seconds, 0) * per100k;
  return `landed ${perSecond(events, landedSeconds)}, committed ${perSecond(events, committedSeconds)}\n    CPU-s per 100k events: ${all.toFixed(2)} = ${each.join(' + ')}`;
}
