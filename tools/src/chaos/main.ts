import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Vacuity } from '../checker/vacuity';
import { runCommand } from '../start/run-command';
import { describeRun } from './report';
import { type ChaosCommand, CHAOS_USAGE, parseChaosOptions } from './options';
import { failpointMatrix } from './matrix';
import { runChaos } from './run';
import { TARGETS } from './fault-plan';

/** Enough to pass every place now and then. */
const MATRIX_CLIENTS = 2;
const LOG_LINES_KEPT = 400;

/** `npm run chaos`: everything is killed in the middle of a load, and afterwards every item is accounted for. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal) => {
    const command = parseChaosOptions(args, process.env['INIT_CWD'] ?? process.cwd());
    if (!command) {
      console.log(CHAOS_USAGE);
      return 0;
    }
    let wrong = 0;
    if (command.failpoints) wrong += (await oneRun(command, 'failpoints', 1, signal)) ? 0 : 1;
    else for (const seed of command.seeds) wrong += (await oneRun(command, `seed ${seed}`, seed, signal)) ? 0 : 1;
    return wrong === 0 ? 0 : 1;
  });
}

/** What a run of so many kills must have met. */
export const vacuityOf = (kills: number): Vacuity => ({
  faultsMin: kills,
  ...(kills >= 60 ? { targets: TARGETS } : {}),
  acknowledgedMin: 20 * kills,
  acknowledgedShareMin: 0.9,
  landedMin: 20 * kills,
  duplicatesMin: kills,
  quarantinedMin: 1,
  unknownMin: Math.ceil(kills / 10),
});

async function oneRun(command: ChaosCommand, title: string, seed: number, signal: AbortSignal): Promise<boolean> {
  const { kills, portBase } = command;
  const dataDir =
    command.dataDir === null
      ? fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-chaos-'))
      : path.join(command.dataDir, title.replace(' ', '-'));
  fs.mkdirSync(dataDir, { recursive: true });
  const began = performance.now();
  const at = (): string => `${String(Math.round((performance.now() - began) / 1000)).padStart(4)} s`;
  const log = fs.createWriteStream(path.join(dataDir, 'millrace.log'));
  const say = (text: string): void => console.log(`${at()}  ${text}`);
  const last: string[] = [];
  const matrix = command.failpoints ? failpointMatrix(command.only) : null;
  console.log(`${title}, in ${dataDir}`);
  try {
    const outcome = await runChaos({
      ...{ dataDir, portBase, seed, say, signal, workers: matrix ? 1 : 2 },
      ...(matrix ? { env: matrix.env, firstPlans: matrix.firstPlans, clients: MATRIX_CLIENTS } : {}),
      vacuity: matrix ? matrix.vacuity : vacuityOf(kills),
      onFault: ({ kind, target, place }, count) => say(`${String(count).padStart(3)}  ${kind} ${place ?? target}`),
      onLine: (text) => {
        log.write(`${at()} ${text}\n`);
        last.push(text);
        if (last.length > LOG_LINES_KEPT) last.shift();
      },
      strike: async (parts) => {
        if (matrix) await matrix.strike(parts, say);
        else await parts.injector.run(kills, parts.signal);
      },
    });
    console.log(describeRun(title, outcome, (performance.now() - began) / 1000));
    if (outcome.report.ok && command.dataDir === null) fs.rmSync(dataDir, { recursive: true, force: true });
    else if (!outcome.report.ok) console.log(`  kept in ${dataDir}: history.jsonl, millrace.log, lake, postgres`);
    return outcome.report.ok;
  } catch (error) {
    if (!signal.aborted) console.log(last.slice(-40).join('\n'));
    throw error;
  } finally {
    log.end();
  }
}
