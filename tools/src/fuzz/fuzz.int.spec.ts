import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { freePortRange } from '../start/fixtures/waiting';
import { runFuzz } from './fuzz-run';

/** Another one is tried with MILLRACE_FUZZ_SEED; a failure names its own. `npm run fuzz` is the long form. */
const SEED = Number(process.env['MILLRACE_FUZZ_SEED'] ?? 7);
const REQUESTS = 800;

it('mutated requests to every route of every service and of the front door fail nothing, and every item has a fate', async () => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-fuzz-'));
  try {
    const outcome = await runFuzz({
      requests: REQUESTS,
      seed: SEED,
      lanes: 4,
      portBase: await freePortRange(),
      dataDir,
      signal: new AbortController().signal,
    });
    expect(outcome.faults).toEqual([]);
    // A run that was refused throughout, or reached few routes, would prove little.
    expect(outcome.routes).toBeGreaterThan(60);
    expect(outcome.acknowledged).toBeGreaterThan(30);
    expect(outcome.statuses['200']).toBeGreaterThan(REQUESTS / 5);
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}, 120_000);
