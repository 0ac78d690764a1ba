import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Totals } from '../demo/client';
import { readDataSet } from '../demo/data-set';
import { portBaseOf, readCommandLine, whole } from '../start/command-line';
import { runCommand } from '../start/run-command';
import { runEventFuzz } from './events/event-run';
import { runFuzz } from './fuzz-run';
import { onStage, type Stage } from './stage';

const OPTIONS = {
  requests: { type: 'string', default: '100000' },
  count: { type: 'string', default: '100000' },
  seed: { type: 'string', default: '1' },
  lanes: { type: 'string', default: '8' },
  'port-base': { type: 'string', default: '28000' },
} as const;

const MANY = 100_000_000;

const USAGE = `npm run fuzz -- [--requests 100000] [--seed 1] [--lanes 8] [--port-base N]         requests to every route
npm run fuzz -- events [--count 100000] [--seed 1] [--lanes 8] [--port-base N]   events through everything`;

/** Ends with 1 when something is wrong. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal) => {
    const { values, positionals } = readCommandLine(args, OPTIONS, { usage: USAGE, words: ['events'] });
    if (values.help) {
      console.log(USAGE);
      return 0;
    }
    const requests = whole('--requests', values.requests, 1, MANY);
    const count = whole('--count', values.count, 1, MANY);
    const seed = whole('--seed', values.seed, 0, 2 ** 31);
    const lanes = whole('--lanes', values.lanes, 1, 256);
    const portBase = portBaseOf(values['port-base']);
    const act = positionals[0] === 'events' ? events({ count, seed, lanes }) : routes({ requests, seed, lanes });
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-fuzz-'));
    try {
      const faults = await onStage({ portBase, dataDir, signal }, act);
      for (const fault of faults) console.log(`✗ ${fault}`);
      if (faults.length === 0) console.log('✓ No failure, no hang, a fate for every item.');
      return faults.length === 0 ? 0 : 1;
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
}

type Act = (stage: Stage) => Promise<readonly string[]>;

const routes =
  (options: { requests: number; seed: number; lanes: number }): Act =>
  async (stage) => {
    const outcome = await runFuzz(stage, { ...options, onProgress: progress(10_000) });
    const { requests, seconds, statuses, acknowledged, totals, faults } = outcome;
    console.log(
      `${figure(requests)} requests to ${outcome.routes} routes in ${seconds.toFixed(0)} s, seed ${options.seed}`,
    );
    console.log(`answers by status: ${JSON.stringify(statuses)}`);
    console.log(`items acknowledged ${acknowledged}; ${law(totals)}`);
    return faults;
  };

const events =
  (options: { count: number; seed: number; lanes: number }): Act =>
  async (stage) => {
    const { lines } = readDataSet();
    const outcome = await runEventFuzz(stage, { ...options, lines, onProgress: progress(10_000) });
    const { sent, seconds, accepted, undecodable, totals, causes, tables, faults } = outcome;
    console.log(`${figure(sent)} mutated events in ${seconds.toFixed(0)} s, seed ${options.seed}`);
    console.log(`${figure(accepted)} accepted, ${figure(undecodable)} no events at all; ${law(totals)}`);
    console.log(`tables ${figure(tables)}; causes in quarantine:`);
    for (const { reason, count } of causes) console.log(`  ${figure(count).padStart(9)}  ${reason}`);
    return faults;
  };

const figure = (n: number): string => n.toLocaleString('en-US');
const law = ({ received, landed, duplicate, quarantined, pending }: Totals): string =>
  `received ${received} = landed ${landed} + duplicate ${duplicate} + quarantined ${quarantined} + pending ${pending}`;

/** Says how far it is, each time that another `step` is through. */
function progress(step: number): (sent: number) => void {
  let said = 0;
  return (sent) => {
    if (Math.floor(sent / step) <= said) return;
    said = Math.floor(sent / step);
    process.stderr.write(`${figure(said * step)} sent\n`);
  };
}
