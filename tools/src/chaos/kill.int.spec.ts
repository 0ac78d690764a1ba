import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readDataSet } from '../demo/data-set';
import { runChaos } from './chaos-run';
import { VICTIMS } from './killer';

// The whole path, built and running as processes, loses and doubles nothing while each of its processes, Postgres
// among them, is killed in the middle of a load.
test('with every service and Postgres killed during the load, every mart cell is right', async () => {
  const data = readDataSet();
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-chaos-'));
  const lines: string[] = [];
  try {
    const outcome = await runChaos({
      data,
      dataDir,
      portBase: 20_000 + (process.pid % 2_000) * 10,
      seed: 7,
      loadMs: 20_000,
      killsMin: 10,
      restMs: [800, 1_800],
      onLine: (line) => lines.push(line),
    });
    expect(new Set(outcome.kills.map((kill) => kill.victim))).toEqual(new Set(VICTIMS));
    const { received, landed, duplicate, quarantined, pending } = outcome.totals;
    expect(outcome.acknowledged).toBe(data.known.counts.received);
    // A request of unknown outcome is repeated, and then its items may have been received twice.
    expect(received).toBeGreaterThanOrEqual(data.known.counts.received);
    expect(landed).toBe(data.known.counts.landed);
    expect(pending).toBe(0);
    expect(landed + duplicate + quarantined).toBe(received);
    expect(outcome.tables).toEqual({
      'clean.events': { rows: landed, events: landed },
      'clean.shipment_events': { rows: landed, events: landed },
    });
    expect(outcome.checks.filter((check) => !check.ok)).toEqual([]);
    expect(outcome.settled).toBe(true);
  } catch (error) {
    console.error(lines.slice(-80).join('\n'));
    throw error;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 240_000);
