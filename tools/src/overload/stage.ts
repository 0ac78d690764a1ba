import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Totals } from '../demo/client';
import { LogFiles } from '../start/log-files';
import { startMillrace } from '../start/millrace';
import { generate } from './generate';
import type { LoadOutcome, LoadPlan } from './generator.child';
import { MemoryWatch } from './processes';
import type { Finding } from './verdict';

/** A Millrace of its own that is loaded, with what has been sent to it so far. */
export interface Stage {
  readonly origin: string;
  readonly gatewayPort: number;
  readonly dataDir: string;
  readonly signal: AbortSignal;
  readonly memory: MemoryWatch;
  /** Events of requests that were accepted, and of those whose outcome is unknown. */
  readonly items: number;
  readonly unknown: number;
  load(plan: Omit<LoadPlan, 'run' | 'port' | 'first'>): Promise<LoadOutcome>;
  /** Totals once nothing is pending. */
  settled(msMax: number): Promise<Totals>;
  readonly processFindings: () => Finding[];
  /** What the supervisor had to say of processes that ended. */
  readonly mishaps: readonly string[];
}

export interface StageOptions {
  readonly portBase: number;
  readonly signal: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the data folder is made (default: the system's for temporary files). */
  readonly parent?: string;
  /** A data folder that is there already, and stays. */
  readonly dataDir?: string;
}

/** What the supervisor says of a process that ended by itself. */
const ENDED = /starting it again/;

/** Starts everything on a fresh folder, runs `play`, and stops and removes all of it. */
export async function onStage<T>(
  { portBase, signal, env = {}, parent = os.tmpdir(), dataDir: given }: StageOptions,
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const dataDir = given ?? mkdtempSync(path.join(parent, 'millrace-overload-'));
  const logs = new LogFiles(path.join(dataDir, 'logs'));
  const mishaps: string[] = [];
  const millrace = await startMillrace(
    { dataDir, portBase, workers: 1, jsonLogs: true },
    {
      env: { ...process.env, LOG_LEVEL: 'error', ...env },
      signal,
      onLine: ({ process: name, text }) => logs.write(name, text),
      say: (text, level) => void (level === 'warn' && ENDED.test(text) && mishaps.push(text)),
    },
  );
  const memory = new MemoryWatch(dataDir);
  memory.start();
  const port = millrace.ports.services['ingest-gateway'][0]?.port as number;
  const client = createClient(millrace.url, { signal });
  const sent = { items: 0, unknown: 0, next: 0 };
  try {
    return await play({
      origin: millrace.url,
      gatewayPort: port,
      dataDir,
      signal,
      memory,
      mishaps,
      get items() {
        return sent.items;
      },
      get unknown() {
        return sent.unknown;
      },
      async load(plan) {
        const outcome = await generate({ ...plan, run: 'load', port, first: sent.next }, signal);
        sent.next = outcome.next;
        sent.items += outcome.accepted * plan.eventsPerRequest;
        sent.unknown += (outcome.lost + outcome.unanswered) * plan.eventsPerRequest;
        return outcome;
      },
      async settled(msMax) {
        const deadline = performance.now() + msMax;
        for (;;) {
          const totals = await client.conservation();
          if (totals.pending === 0 || performance.now() > deadline) return totals;
          await sleep(1_000, undefined, { signal });
        }
      },
      processFindings: () => [
        ...Object.entries(memory.highest).map(([name, mib]) => ({
          what: `${name} held ${Math.round(mib)} MiB at most`,
          ok: !memory.excesses().some((excess) => excess.startsWith(`${name} `)),
        })),
        { what: mishaps.length === 0 ? 'no process ended' : mishaps.join('; '), ok: mishaps.length === 0 },
      ],
    });
  } finally {
    memory.stop();
    await millrace.stop();
    logs.close();
    if (given === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}
