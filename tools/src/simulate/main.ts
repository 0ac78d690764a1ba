import { readCommandLine, whole } from '../start/command-line';
import { StartError } from '../start/start-error';
import { MUTATIONS, type Mutation } from './mutation';
import { type Outcome, simulate } from './run';

const USAGE = `npm run simulate -- [--seeds N] [--first S]      S, S+1, … (default 100 seeds from 1)
npm run simulate -- --seed S [--trace]            one run, with its trace
npm run simulate -- … --until-failed              no further than the first that fails
npm run simulate -- … --unlucky SERVICE/PLACE     processes often stand still at this failpoint
npm run simulate -- … --mutation NAME             with a planted defect: ${MUTATIONS.join(', ')}`;

/** Lines of the trace that a failing run shows without `--trace`. */
const TAIL_LINES = 40;
const PROGRESS_EVERY = 100;

const OPTIONS = {
  seeds: { type: 'string', default: '100' },
  first: { type: 'string', default: '1' },
  seed: { type: 'string' },
  trace: { type: 'boolean', default: false },
  mutation: { type: 'string' },
  unlucky: { type: 'string' },
  'until-failed': { type: 'boolean', default: false },
} as const;

const SEED_MAX = 2 ** 31;

/** Runs seeds until all are through; says which fail, and ends with 1 when one does. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  try {
    process.exitCode = await run(args);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const { values } = readCommandLine(args, OPTIONS, { usage: USAGE });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const mutation = (values.mutation ?? null) as Mutation | null;
  if (mutation && !MUTATIONS.includes(mutation))
    throw new StartError(`There is no planted defect ${JSON.stringify(mutation)}.\n\n${USAGE}`);
  const how = { mutation, unlucky: values.unlucky ?? null };
  const seeds = whole('--seeds', values.seeds, 1, 1_000_000);
  const first = whole('--first', values.first, 0, SEED_MAX);
  if (values.seed !== undefined) {
    const outcome = await simulate({ seed: whole('--seed', values.seed, 0, SEED_MAX), ...how, keepTrace: true });
    show(outcome, values.trace ? Infinity : TAIL_LINES);
    return outcome.ok ? 0 : 1;
  }
  const failed: number[] = [];
  const kinds = new Set<string>();
  const sums = { events: 0, faults: 0, acknowledged: 0 };
  const began = performance.now();
  for (let i = 0; i < seeds; i++) {
    const outcome = await simulate({ seed: first + i, ...how });
    sums.events += outcome.events;
    sums.faults += outcome.report.faults.length;
    for (const { kind } of outcome.report.faults) kinds.add(kind);
    sums.acknowledged += outcome.report.keysAcknowledged;
    if (!outcome.ok) {
      failed.push(outcome.seed);
      // Run once more for its trace: it is the same run.
      show(await simulate({ seed: outcome.seed, ...how, keepTrace: true }), TAIL_LINES);
      if (values['until-failed']) break;
    }
    if ((i + 1) % PROGRESS_EVERY === 0) console.log(`${i + 1} of ${seeds} seeds, ${failed.length} failed`);
  }
  const seconds = (performance.now() - began) / 1_000;
  console.log(
    `${seeds - failed.length} of ${seeds} seeds passed in ${seconds.toFixed(1)} s (${((1_000 * seconds) / seeds).toFixed(0)} ms each): ` +
      `${sums.faults} faults, ${sums.acknowledged} events acknowledged, ${sums.events} steps`,
  );
  console.log(`faults met: ${[...kinds].sort().join(', ')}`);
  if (failed.length === 0) return 0;
  console.log(`failed: ${failed.join(' ')}; replay one with: npm run simulate -- --seed ${failed[0]} --trace`);
  return 1;
}

function show({ seed, ok, findings, digest, trace, events, virtualMs, report }: Outcome, linesMax: number): void {
  const from = Math.max(0, trace.length - linesMax);
  if (from > 0) console.log(`… ${from} lines before these; --seed ${seed} --trace shows all`);
  for (const line of trace.slice(from)) console.log(line);
  console.log(
    `seed ${seed} ${ok ? 'passed' : 'FAILED'}: ${events} steps, ${(virtualMs / 1_000).toFixed(0)} s of its own time`,
  );
  console.log(
    `  ${report.faults.length} faults, ${report.keysAcknowledged} of ${report.keys} keys acknowledged, trace ${digest}`,
  );
  for (const finding of findings) console.log(`  ${finding}`);
}
