import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from './stage';
import { type Finding, judgeConservation } from './verdict';

const PIECE = Buffer.alloc(1 << 20);
const RECOVERY_MS_MAX = 60_000;
const SETTLE_MS_MAX = 120_000;
const LOAD = { connections: 8, eventsPerRequest: 100, rate: 20, warmupSeconds: 0 };

/**
 * A disk that is full under load: something else takes all of its room, and gives it back. What was answered 2xx must
 * have landed, once; while there is no room nothing may be acknowledged that is not there, readiness must say why, and
 * all goes on by itself afterwards. To be run with the data folder on a small file system of its own.
 */
export async function fullDisk(stage: Stage, seconds: number, tell: (line: string) => void): Promise<Finding[]> {
  const filler = path.join(stage.dataDir, 'filler');
  const before = await stage.load({ ...LOAD, seconds: 5 });
  tell(`before     accepted ${before.accepted} of ${before.sent} requests`);
  fill(filler);
  const under = stage.load({ ...LOAD, seconds });
  await sleep((seconds * 1_000) / 2, undefined, { signal: stage.signal });
  // Whatever was freed meanwhile is taken as well.
  fill(`${filler}-2`);
  const reasons = await readinessOf(stage);
  const full = await under;
  tell(
    `full       accepted ${full.accepted} of ${full.sent}, refused ${JSON.stringify(full.refused)}, lost ${full.lost}`,
  );
  tell(`           readiness ${JSON.stringify(reasons)}`);
  for (const file of [filler, `${filler}-2`]) fs.rmSync(file, { force: true });
  const began = performance.now();
  let ready = false;
  while (!ready && performance.now() - began < RECOVERY_MS_MAX) {
    ready = Object.keys(await readinessOf(stage)).length === 0;
    if (!ready) await sleep(250, undefined, { signal: stage.signal });
  }
  const tookSeconds = ((performance.now() - began) / 1_000).toFixed(1);
  const after = await stage.load({ ...LOAD, seconds: 5 });
  tell(`after      accepted ${after.accepted} of ${after.sent}`);
  const totals = await stage.settled(SETTLE_MS_MAX);
  const refused = Object.entries(full.refused);
  return [
    {
      what: `${refused.length === 0 ? 'nothing' : JSON.stringify(full.refused)} refused while full`,
      ok: refused.length > 0,
    },
    {
      what: 'refusals are 503 with Retry-After',
      ok: refused.every(([status]) => status === '503') && full.withoutRetryAfter === 0,
    },
    { what: `readiness named ${Object.keys(reasons).join(', ') || 'nobody'}`, ok: Object.keys(reasons).length > 0 },
    { what: `ready again ${tookSeconds} s after there was room`, ok: ready },
    { what: `${after.accepted} of ${after.sent} accepted afterwards`, ok: after.accepted === after.sent },
    ...judgeConservation(totals, stage.items, stage.unknown),
    { what: `processes that ended: ${stage.mishaps.join('; ') || 'none'}`, ok: true },
  ];
}

/** Writes until the disk has no room left. */
function fill(file: string): void {
  const handle = fs.openSync(file, 'w');
  try {
    for (let piece = PIECE; piece.length >= 1;) {
      try {
        fs.writeSync(handle, piece);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        piece = piece.subarray(0, Math.floor(piece.length / 16));
      }
    }
  } finally {
    fs.closeSync(handle);
  }
}

/** What is not ready, with its reason, over all services. */
async function readinessOf({ origin, signal }: Stage): Promise<Record<string, unknown>> {
  const response = await fetch(`${origin}/readiness`, { signal });
  const { services } = (await response.json()) as { services: Record<string, { ready: boolean; detail?: unknown }> };
  return Object.fromEntries(
    Object.entries(services)
      .filter(([, { ready }]) => !ready)
      .map(([name, { detail }]) => [name, detail]),
  );
}
