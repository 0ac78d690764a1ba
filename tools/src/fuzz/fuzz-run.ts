import type { Totals } from '../demo/client';
import { Sender, type Sent } from './sender';
import { miscounts, type Stage } from './stage';
import { endLoads, type Target, targetsOf } from './targets';

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  readonly lanes: number;
  readonly onProgress?: (sent: number) => void;
}

export interface FuzzOutcome {
  readonly requests: number;
  readonly seconds: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Routes that requests were made for. */
  readonly routes: number;
  /** Items that were acknowledged, and those that may have been stored without an answer. */
  readonly acknowledged: number;
  readonly unknown: number;
  readonly totals: Totals;
  /** Requests that were answered as none may be, with their bytes; processes that ended. */
  readonly faults: readonly string[];
}

const FAULTS_SHOWN_MAX = 40;
/** Names of things that there are, for paths and parameters. */
const KNOWN = [
  'clean.events',
  'clean.shipment_events',
  'ops.fates',
  'shipment.status.changed',
  'e-1',
  'fuzz',
  '1',
  '1.0.0',
];

/**
 * Sends mutated requests to every route of every service, directly and through the front door, and asks afterwards for
 * the fate of every item that was taken.
 */
export async function runFuzz(stage: Stage, options: FuzzOptions): Promise<FuzzOutcome> {
  const { requests, seed, lanes } = options;
  const { millrace, signal } = stage;
  const before = await stage.settled();
  const faults: string[] = [];
  const targets = await targetsOf(millrace.ports);
  const statuses: Record<string, number> = {};
  const sums = { acknowledged: 0, unknown: 0 };
  let next = 0;
  const began = performance.now();
  const note = (n: number, sent: Sent): void => {
    for (const status of sent.statuses) statuses[status] = (statuses[status] ?? 0) + 1;
    if (sent.statuses.length === 0) statuses['none'] = (statuses['none'] ?? 0) + 1;
    sums.acknowledged += sent.items;
    sums.unknown += sent.unknown;
    if (sent.fault && faults.length < FAULTS_SHOWN_MAX)
      faults.push(
        `request ${n} of seed ${seed}: ${sent.fault}\n    ${JSON.stringify(sent.bytes.toString('latin1').slice(0, 600))}`,
      );
    if (n % 1_000 === 999) options.onProgress?.(n + 1);
  };
  const sendTo = async (some: readonly Target[], upTo: number): Promise<void> => {
    const lane = async (): Promise<void> => {
      const sender = new Sender(some, KNOWN);
      while (next < upTo && !signal.aborted) {
        const n = next++;
        note(n, await sender.send(seed, n));
      }
      sender.close();
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    signal.throwIfAborted();
  };
  const consumers = targets.filter(({ producer }) => !producer);
  await sendTo(consumers, Math.ceil((requests * consumers.length) / targets.length));
  const counted = await stage.settled();
  faults.push(...miscounts(counted, sums.acknowledged, sums.unknown, before));
  // What the producer sends of its own accord is received as well: only what it was asked directly is not counted.
  await sendTo(
    targets.filter(({ producer }) => producer),
    requests,
  );
  await endLoads(millrace.ports);
  const seconds = (performance.now() - began) / 1000;
  const totals = await stage.settled();
  faults.push(...miscounts(totals, sums.acknowledged, Infinity, before));
  const routes = new Set(
    targets.flatMap(({ prefix, operations }) => operations.map(({ method, path }) => `${method} ${prefix}${path}`)),
  );
  return {
    requests: next,
    seconds,
    statuses,
    routes: routes.size,
    ...sums,
    totals,
    faults: [...stage.faults, ...faults],
  };
}
