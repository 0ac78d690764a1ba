import { setTimeout as sleep } from 'node:timers/promises';
import type { ChildRecord } from './lock';
import { processIdentity } from './process-identity';

/**
 * Ends children of a supervisor that was killed, as far as they still run and are provably the recorded ones (same
 * pid and same start time): SIGTERM, and SIGKILL after `graceMs`. Resolves with the names of those that were running.
 */
export async function endLeftovers(children: readonly ChildRecord[], graceMs = 10_000): Promise<string[]> {
  const running = children.filter(isOurs);
  for (const child of running) signal(child, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (running.some(isOurs) && Date.now() < deadline) await sleep(20);
  for (const child of running.filter(isOurs)) signal(child, 'SIGKILL');
  while (running.some(isOurs)) await sleep(20);
  return running.map((child) => child.name);
}

function isOurs(child: ChildRecord): boolean {
  return child.identity !== null && child.identity !== 'alive' && processIdentity(child.pid) === child.identity;
}

function signal(child: ChildRecord, name: NodeJS.Signals): void {
  if (!isOurs(child)) return;
  try {
    process.kill(child.pid, name);
  } catch {
    // Gone in between.
  }
}
