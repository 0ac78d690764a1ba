import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../start/run-command';
import { runFuzz } from './fuzz-run';

/** `npm run fuzz [-- --requests 100000 --seed 1 --lanes 8 --port-base N]`: ends with 1 when something is wrong. */
export function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  return runCommand(async (signal) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        requests: { type: 'string', default: '100000' },
        seed: { type: 'string', default: '1' },
        lanes: { type: 'string', default: '8' },
        'port-base': { type: 'string', default: '28000' },
      },
    });
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-fuzz-'));
    try {
      const outcome = await runFuzz({
        requests: Number(values.requests),
        seed: Number(values.seed),
        lanes: Number(values.lanes),
        portBase: Number(values['port-base']),
        dataDir,
        signal,
        onProgress: (sent) => sent % 10_000 === 0 && process.stderr.write(`${sent.toLocaleString('en-US')} sent\n`),
      });
      const { requests, seconds, statuses, routes, acknowledged, totals, faults } = outcome;
      console.log(
        `${requests.toLocaleString('en-US')} requests to ${routes} routes in ${seconds.toFixed(0)} s, seed ${values.seed}`,
      );
      console.log(`answers by status: ${JSON.stringify(statuses)}`);
      console.log(
        `items acknowledged ${acknowledged}; received ${totals.received} = landed ${totals.landed} + duplicate ${totals.duplicate} + quarantined ${totals.quarantined} + pending ${totals.pending}`,
      );
      for (const fault of faults) console.log(`✗ ${fault}`);
      if (faults.length === 0) console.log('✓ No failure, no hang, a fate for every item.');
      return faults.length === 0 ? 0 : 1;
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
}
