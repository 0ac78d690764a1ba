import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Totals } from '../demo/client';
import { type Millrace, startMillrace } from '../start/millrace';

export interface StageOptions {
  readonly dataDir: string;
  readonly portBase: number;
  readonly signal: AbortSignal;
}

/** A Millrace of its own that is sent nonsense, and what it must not have done by itself meanwhile. */
export interface Stage {
  readonly millrace: Millrace;
  readonly signal: AbortSignal;
  /** Processes that ended, and errors that they logged. */
  readonly faults: readonly string[];
  /** Counts once nothing is pending and nothing changes any more. */
  settled(): Promise<Totals>;
}

/** With items pending, nothing changes for so long at most. */
const STILL_MS_MAX = 120_000;
const LINES_MAX = 40;

export async function onStage<T>({ dataDir, portBase, signal }: StageOptions, act: (stage: Stage) => Promise<T>) {
  const faults: string[] = [];
  const note = (fault: string): void => void (faults.length < LINES_MAX && faults.push(fault));
  const millrace = await startMillrace(
    { dataDir, portBase, workers: 1, jsonLogs: true },
    {
      env: { ...process.env, LOG_LEVEL: 'error' },
      signal,
      onLine: ({ process: name, text }) => {
        if (text.includes('"crashed"')) note(`${name}: ${text.slice(0, 1_000)}`);
      },
      say: (text, level) => {
        if (level === 'warn' && text.includes('starting it again')) note(text);
      },
    },
  );
  try {
    return await act({ millrace, signal, faults, settled: () => settled(millrace.url, signal) });
  } finally {
    await millrace.stop();
  }
}

async function settled(origin: string, signal: AbortSignal): Promise<Totals> {
  const client = createClient(origin, { signal });
  let changedAt = performance.now();
  for (let before = ''; ;) {
    const totals = await client.conservation();
    const now = JSON.stringify(totals);
    if (now !== before) changedAt = performance.now();
    else if (totals.pending === 0 || performance.now() - changedAt > STILL_MS_MAX) return totals;
    before = now;
    await sleep(500, undefined, { signal });
  }
}

/** What the counts after a run say against each other and against what was sent since `before`. */
export function miscounts(
  totals: Totals,
  acknowledged: number,
  unknown: number,
  before: Pick<Totals, 'received'> = { received: 0 },
): string[] {
  const { received, landed, duplicate, quarantined, pending } = totals;
  const taken = received - before.received;
  const wrong: string[] = [];
  if (pending !== 0) wrong.push(`${pending} items are still pending`);
  if (received !== landed + duplicate + quarantined + pending)
    wrong.push(`received ${received} is not landed ${landed} + duplicate ${duplicate} + quarantined ${quarantined}`);
  if (taken < acknowledged) wrong.push(`${acknowledged} items were acknowledged, ${taken} were received`);
  if (taken > acknowledged + unknown)
    wrong.push(`${taken} items were received, at most ${acknowledged + unknown} were sent`);
  return wrong;
}
