import { Checker, type Report } from '../checker/checker';
import { EVENTS_TABLE } from '@millrace/topics';
import { FORGOTTEN_MS, MONTH_BEGINS_MS, passMonth } from './claims';
import { Clients } from './clients';
import { Faults } from './faults';
import type { Mutation } from './mutation';
import { checkInvariants } from './invariants';
import { observe } from './observe';
import { createShared } from './shared';
import { System } from './system';
import { World } from './world';

export interface SimulationOptions {
  readonly seed: number;
  readonly mutation?: Mutation | null;
  readonly keepTrace?: boolean;
  /** A failpoint, as `service/place`, at which processes often stand still for longer than a lease. */
  readonly unlucky?: string | null;
}

export interface Outcome {
  readonly seed: number;
  /** Nothing was found. */
  readonly ok: boolean;
  /** What was found, in words. */
  readonly findings: readonly string[];
  /** Digest of the trace: equal for equal seeds. */
  readonly digest: string;
  readonly trace: readonly string[];
  readonly report: Report;
  readonly events: number;
  /** Virtual time of the whole run. */
  readonly virtualMs: number;
}

/** Faults and load last so long; then everything is left alone until it is at rest. */
const LOAD_MS = 32_000;
/** Where a month passes for claims, the load comes back once they are gone. */
const MONTH_SHARE = 0.125;
const MONTH_LOAD_MS = FORGOTTEN_MS + 11_000;
/** When new releases are rolled out. Each ends both table-managers: where there are many, few live to see a lease end. */
const UPGRADES_AT_MS = [[], [12_000], [6_000, 12_000, 18_000, 24_000]];
const DRAIN_MS_MAX = 1_200_000;
const LATE_MS = 20_000;

/** One run of all services under the faults that a seed draws, checked once it is at rest. */
export async function simulate(options: SimulationOptions): Promise<Outcome> {
  const { seed, mutation = null, keepTrace = false, unlucky = null } = options;
  const world = new World(seed, { keepTrace });
  const faults = new Faults(world, unlucky);
  const shared = createShared(world, faults, mutation);
  const system = new System(shared, faults);
  const clients = new Clients(world, faults, () => system.gateway());
  const findings: string[] = [];
  system.start();
  const isMonth = faults.chance(MONTH_SHARE);
  const loadMs = isMonth ? MONTH_LOAD_MS : LOAD_MS;
  clients.start({ clients: 6, requestsEach: 9, overMs: isMonth ? MONTH_BEGINS_MS : LOAD_MS - 8_000 });
  if (isMonth) {
    passMonth(shared);
    clients.startAgain({ clients: 4, requestsEach: 4, overMs: 6_000 }, FORGOTTEN_MS);
  }
  for (const atMs of faults.pick(UPGRADES_AT_MS)) world.after(atMs, () => system.upgrade());
  try {
    await world.run(() => world.nowMs >= loadMs, Infinity);
    faults.end();
    world.trace('the faults end');
    const atRest = (): boolean => clients.done && system.isDrained();
    if (!(await world.run(atRest, loadMs + DRAIN_MS_MAX))) findings.push('stuck: it does not come to rest');
    // What is still on its way may not change anything.
    const restMs = world.nowMs;
    await world.run(() => world.nowMs >= restMs + LATE_MS, Infinity);
    if (findings.length === 0 && !(await world.run(atRest, world.nowMs + DRAIN_MS_MAX)))
      findings.push('stuck: it was at rest, and is so no more');
  } catch (error) {
    findings.push(`broken off: ${(error as Error).stack}`);
  }
  const checker = new Checker({
    tables: [EVENTS_TABLE],
    vacuity: { faultsMin: 5, acknowledgedMin: 20, acknowledgedShareMin: 0.5, landedMin: 20 },
  });
  await observe(shared, clients, checker).catch((error: Error) => findings.push(`unreadable: ${error.stack}`));
  const report = checker.finish();
  for (const { code, count, examples } of report.findings) findings.push(`${code} (${count}): ${examples.join('; ')}`);
  findings.push(...clients.unexpected.map((text) => `unexpected answer: ${text}`));
  findings.push(...(await checkInvariants(shared, clients).catch((error: Error) => [`unreadable: ${error.stack}`])));
  const { events, nowMs: virtualMs } = world;
  for (const finding of findings) world.trace(`found: ${finding}`);
  return {
    ...{ seed, ok: findings.length === 0, findings, report, events, virtualMs },
    ...{ trace: world.lines, digest: world.digest() },
  };
}
