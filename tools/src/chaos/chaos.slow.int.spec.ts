import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePortRange } from '../start/fixtures/waiting';
import { WORKSPACE_ROOT } from '../start/services';
import { describeRun } from './report';
import { runChaos } from './run';

// The short form of `npm run chaos`: whatever carries the path is killed once in the middle of a load.
const VICTIMS = ['curation-worker', 'postgres', 'table-manager', 'ingest-gateway'];

it('loses and doubles nothing while its processes are killed', async () => {
  execFileSync(process.execPath, [path.join(WORKSPACE_ROOT, 'tools', 'build.mjs')], { cwd: WORKSPACE_ROOT });
  const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-chaos-'));
  const lines: string[] = [];
  try {
    const outcome = await runChaos({
      ...{ dataDir, portBase: await freePortRange(), seed: 5, workers: 1 },
      vacuity: {
        ...{ faultsMin: VICTIMS.length, targets: VICTIMS, acknowledgedMin: 100, acknowledgedShareMin: 0.2 },
        ...{ landedMin: 100, duplicatesMin: 5 },
      },
      onFault: () => undefined,
      onLine: (text) => lines.push(text),
      say: (text) => lines.push(text),
      strike: async ({ injector, signal }) => {
        for (const target of VICTIMS) await injector.kill(target, signal);
      },
    });
    if (!outcome.report.ok) throw new Error(`${describeRun('short', outcome, 0)}\n${lines.slice(-60).join('\n')}`);
    expect(outcome.report.findings).toEqual([]);
  } finally {
    await fs.promises.rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}, 120_000);
