import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Totals } from '../demo/client';
import { startMillrace } from '../start/millrace';
import { Sender, type Sent } from './sender';
import { endLoads, type Target, targetsOf } from './targets';

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  readonly lanes: number;
  readonly dataDir: string;
  readonly portBase: number;
  readonly signal: AbortSignal;
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
const SETTLE_MS_MAX = 120_000;
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
 * Sends mutated requests to every route of every service, directly and through the front door, of a Millrace of its own,
 * and asks afterwards for the fate of every item that was taken.
 */
export async function runFuzz(options: FuzzOptions): Promise<FuzzOutcome> {
  const { requests, seed, lanes, dataDir, portBase, signal } = options;
  const faults: string[] = [];
  const millrace = await startMillrace(
    { dataDir, portBase, workers: 1, jsonLogs: true },
    {
      env: { ...process.env, LOG_LEVEL: 'error' },
      signal,
      onLine: ({ process: name, text }) => {
        if (text.includes('"crashed"')) faults.push(`${name}: ${text.slice(0, 1_000)}`);
      },
      say: (text, level) => {
        if (level === 'warn' && text.includes('starting it again')) faults.push(text);
      },
    },
  );
  try {
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
    const counted = await settled(millrace.url, signal);
    faults.push(...miscounts(counted, sums.acknowledged, sums.unknown));
    // What the producer sends of its own accord is received as well: only what it was asked directly is not counted.
    await sendTo(
      targets.filter(({ producer }) => producer),
      requests,
    );
    await endLoads(millrace.ports);
    const seconds = (performance.now() - began) / 1000;
    const totals = await settled(millrace.url, signal);
    faults.push(...miscounts(totals, sums.acknowledged, Infinity));
    const routes = new Set(
      targets.flatMap(({ prefix, operations }) => operations.map(({ method, path }) => `${method} ${prefix}${path}`)),
    );
    return { requests: next, seconds, statuses, routes: routes.size, ...sums, totals, faults };
  } finally {
    await millrace.stop();
  }
}

/** Totals once nothing is pending and nothing changes any more. */
async function settled(origin: string, signal: AbortSignal): Promise<Totals> {
  const client = createClient(origin, { signal });
  const deadline = performance.now() + SETTLE_MS_MAX;
  for (let before = ''; ;) {
    const totals = await client.conservation();
    const now = JSON.stringify(totals);
    if ((totals.pending === 0 && now === before) || performance.now() > deadline) return totals;
    before = now;
    await sleep(500, undefined, { signal });
  }
}

/** What the counts after the run say against each other. */
export function miscounts(totals: Totals, acknowledged: number, unknown: number): string[] {
  const { received, landed, duplicate, quarantined, pending } = totals;
  const wrong: string[] = [];
  if (pending !== 0) wrong.push(`${pending} items are still pending`);
  if (received !== landed + duplicate + quarantined + pending)
    wrong.push(`received ${received} is not landed ${landed} + duplicate ${duplicate} + quarantined ${quarantined}`);
  if (received < acknowledged) wrong.push(`${acknowledged} items were acknowledged, ${received} were received`);
  if (received > acknowledged + unknown)
    wrong.push(`${received} items were received, at most ${acknowledged + unknown} were sent`);
  return wrong;
}
