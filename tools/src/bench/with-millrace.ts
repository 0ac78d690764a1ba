import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMillrace } from '../start/millrace';

/** A running Millrace to be measured. */
export interface Bench {
  /** The front door. */
  readonly origin: string;
  readonly gateway: string;
  readonly dataDir: string;
  readonly postgresPort: number;
  /** What a service tells Prometheus. */
  metricsOf(service: string): Promise<string>;
}

export interface BenchOptions {
  readonly portBase?: number;
  /** Kept afterwards. Default a fresh folder, which is removed. */
  readonly dataDir?: string;
  /** Curation workers. Default one. */
  readonly workers?: number;
}

const PORT_BASE = 28_000;

export const freshFolder = (): string => mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-'));

/** Runs `task` against a Millrace of its own. */
export async function withMillrace<T>(task: (bench: Bench) => Promise<T>, options: BenchOptions = {}): Promise<T> {
  const dataDir = options.dataDir ?? freshFolder();
  const millrace = await startMillrace(
    { dataDir, portBase: options.portBase ?? PORT_BASE, workers: options.workers ?? 1, jsonLogs: true },
    { env: process.env, signal: new AbortController().signal, onLine: () => undefined, say: () => undefined },
  );
  const { services, postgres } = millrace.ports;
  const addressOf = (service: string): string =>
    `http://127.0.0.1:${services[service as keyof typeof services][0].port}`;
  try {
    return await task({
      ...{ origin: millrace.url, gateway: addressOf('ingest-gateway'), dataDir, postgresPort: postgres.port },
      metricsOf: async (service) => (await fetch(`${addressOf(service)}/metrics`)).text(),
    });
  } finally {
    await millrace.stop();
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}

export async function waitFor(done: () => Promise<boolean>, msMax = 300_000, everyMs = 50): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`not done within ${msMax} ms`);
    await sleep(everyMs);
  }
}

/** Events in the typed table as its readers see it: rows of the newest catalog's version. */
export async function committedEvents(origin: string): Promise<number> {
  const response = await fetch(`${origin}/v1/tables/clean.shipment_events`);
  return response.ok ? Number(((await response.json()) as { rows: number }).rows) : 0;
}

/** Whether all marts hold everything that is committed. */
export async function martsAreBuilt(origin: string): Promise<boolean> {
  const response = await fetch(`${origin}/v1/tables`);
  if (!response.ok) return false;
  const { rows, number } = (await response.json()) as { rows: { name: string; builtTo?: number }[]; number: number };
  return rows.every(({ name, builtTo }) => !name.startsWith('mart.') || builtTo === number);
}
