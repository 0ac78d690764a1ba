import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readDataSet } from '../demo/data-set';
import { freePortRange } from '../start/fixtures/waiting';
import { runEventFuzz } from './events/event-run';
import { runFuzz } from './fuzz-run';
import { onStage } from './stage';

/** Another one is tried with MILLRACE_FUZZ_SEED; a failure names its own. `npm run fuzz` is the long form. */
const SEED = Number(process.env['MILLRACE_FUZZ_SEED'] ?? 7);
const REQUESTS = 800;
const EVENTS = 2_000;

it('mutated events and requests fail nothing, and every item has a fate', async () => {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-fuzz-'));
  try {
    const options = { dataDir, portBase: await freePortRange(), signal: new AbortController().signal };
    await onStage(options, async (stage) => {
      const { lines } = readDataSet();
      const events = await runEventFuzz(stage, { count: EVENTS, seed: SEED, lines, lanes: 2 });
      expect(events.faults).toEqual([]);
      // A run that was refused throughout, or hardly changed anything, would prove little.
      expect(events.sent).toBe(EVENTS);
      expect(events.totals.landed).toBeGreaterThan(EVENTS / 5);
      expect(events.undecodable).toBeGreaterThan(EVENTS / 50);
      expect(events.causes.length).toBeGreaterThan(10);

      const outcome = await runFuzz(stage, { requests: REQUESTS, seed: SEED, lanes: 4 });
      expect(outcome.faults).toEqual([]);
      expect(outcome.routes).toBeGreaterThan(60);
      expect(outcome.acknowledged).toBeGreaterThan(30);
      expect(outcome.statuses['200']).toBeGreaterThan(REQUESTS / 5);
    });
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  }
}, 180_000);
