import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS_MAX = 30_000;
const POLL_MS = 50;

/** Resolves once a service says that all of its resources are up. */
export async function awaitReady(address: string): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    const { ok } = await fetch(`${address}/readiness`);
    if (ok) return;
    await sleep(POLL_MS);
  }
  throw new Error(`${address} did not become ready within ${READY_MS_MAX / 1000} s`);
}
