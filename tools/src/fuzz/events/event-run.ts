import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '@millrace/service/fuzzing';
import { createClient, type Row, type Totals } from '../../demo/client';
import { miscounts, type Stage } from '../stage';
import { mutatedEvent } from './mutate-event';

export interface EventFuzzOptions {
  readonly count: number;
  readonly seed: number;
  /** Good events, or what is taken for such: what mutations are made of. */
  readonly lines: readonly Buffer[];
  /** Requests at the same time. */
  readonly lanes: number;
  readonly onProgress?: (sent: number) => void;
}

export interface EventFuzzOutcome {
  readonly sent: number;
  readonly seconds: number;
  readonly accepted: number;
  /** Refused as items at once; they are kept in quarantine. */
  readonly undecodable: number;
  /** Of what was there before too. */
  readonly totals: Totals;
  /** What the quarantine tells of it all, the most frequent first. */
  readonly causes: readonly { readonly reason: string; readonly count: number }[];
  /** Tables that events without a contract made. */
  readonly tables: number;
  readonly faults: readonly string[];
}

interface Receipt {
  readonly accepted: number;
  readonly quarantined: number;
  readonly items: readonly { readonly eventId: string | null }[];
}

const BATCH_LINES_MAX = 400;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
const TRIES_MAX = 60;
const FAULTS_SHOWN_MAX = 40;
const COMMIT_MS_MAX = 120_000;
const POLL_MS = 500;
/** Asked for one by one whether they have a fate. */
const TRACED_MAX = 200;
const FATES = new Set(['LANDED', 'DUPLICATE', 'QUARANTINED']);
/** Reasons of quarantine that are none of the event's: each would be a defect. */
const NOBODYS_FAULT = new Set(['processing_failed', 'dead_letter', 'contract_unavailable']);
/** Must answer when all is over, whatever has landed. */
const QUESTIONS = [
  '/readiness',
  '/v1/quarantine/groups',
  '/v1/quarantine',
  '/admin/events/failed',
  '/v1/contracts',
  '/v1/tables',
  '/v1/inference',
  '/v1/late-data',
  '/v1/quality/trends',
  '/v1/quality/alarms',
  '/v1/shipments/daily?from=2013-02-01&to=2013-02-07',
  '/v1/on-time-performance?from=2013-02-01&to=2013-02-07&group_by=lane',
  '/v1/exceptions?from=0001-01-01&to=9999-12-31',
];

/** The `n`-th event of a seed, whatever was made before it. */
export function eventOf(seed: number, n: number, lines: readonly Buffer[]): Buffer {
  const chance = new Chance((seed ^ Math.imul(n + 1, 0x9e3779b1)) | 0);
  for (let warm = 0; warm < 3; warm++) chance.next();
  return mutatedEvent(chance, chance.pick(lines), n);
}

/**
 * Sends mutated events through everything, from the gateway to the marts, and asks what became of them: each item has
 * exactly one fate, whatever landed is in the table, none is a dead letter, and every page still answers.
 */
export async function runEventFuzz(stage: Stage, options: EventFuzzOptions): Promise<EventFuzzOutcome> {
  const { count, seed, lines, lanes } = options;
  const { millrace, signal } = stage;
  const before = await stage.settled();
  const faults: string[] = [];
  const note = (fault: string): void => void (faults.length < FAULTS_SHOWN_MAX && faults.push(fault));
  const began = performance.now();
  const sums = { accepted: 0, undecodable: 0 };
  const ids: string[] = [];
  let next = 0;

  const lane = async (): Promise<void> => {
    while (next < count && !signal.aborted) {
      const first = next;
      const batch: Buffer[] = [];
      for (let bytes = 0; next < count && batch.length < BATCH_LINES_MAX && bytes < BATCH_BYTES_MAX; next++) {
        const line = eventOf(seed, next, lines);
        batch.push(line, NEWLINE);
        bytes += line.length;
      }
      const receipt = await send(millrace.url, Buffer.concat(batch), signal).catch((error: unknown) => {
        note(`events ${first} to ${next - 1} of seed ${seed}: ${(error as Error).message}`);
        return null;
      });
      if (!receipt) continue;
      sums.accepted += receipt.accepted;
      sums.undecodable += receipt.quarantined;
      if (receipt.accepted + receipt.quarantined !== batch.length / 2)
        note(`events ${first} to ${next - 1} of seed ${seed}: ${batch.length / 2} were sent, ${shown(receipt)}`);
      ids.push(...receipt.items.slice(0, 3).flatMap(({ eventId }) => (eventId === null ? [] : [eventId])));
      options.onProgress?.(next);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  signal.throwIfAborted();

  const acknowledged = sums.accepted + sums.undecodable;
  const totals = await stage.settled();
  miscounts(totals, acknowledged, 0, before).forEach(note);
  const seconds = (performance.now() - began) / 1000;
  const rows = await committed(millrace.url, totals.landed, signal);
  if (rows !== totals.landed) note(`${totals.landed} events landed, clean.events has ${rows}`);
  const { summary } = (await ask(millrace.url, '/admin/metrics', signal)).json as Metrics;
  if (summary.failed > 0) note(`events wait to be tried again: ${JSON.stringify(summary)}`);
  const groups = await createClient(millrace.url, { signal }).rows('/v1/quarantine/groups');
  for (const group of groups)
    if (NOBODYS_FAULT.has(String(group['reason']))) note(`events could not be processed: ${JSON.stringify(group)}`);
  for (const question of QUESTIONS) {
    const { status, text } = await ask(millrace.url, question, signal);
    if (status !== 200) note(`GET ${question} answers ${status}: ${text.slice(0, 400)}`);
  }
  for (const id of sample(ids)) {
    const { status, json } = await ask(millrace.url, `/v1/events/${encodeURIComponent(id)}/trace`, signal);
    const fate = (json as { status?: string } | null)?.status ?? '';
    if (status !== 200 || !FATES.has(fate)) note(`the trace of ${JSON.stringify(id)} is ${status} ${fate}`);
  }
  const { json: tables } = await ask(millrace.url, '/v1/tables', signal);
  return {
    sent: next,
    seconds,
    ...sums,
    totals,
    causes: causesIn(groups),
    tables: rowsIn(tables),
    faults: [...stage.faults, ...faults],
  };
}

const NEWLINE = Buffer.from('\n');
const rowsIn = (json: unknown): number => (json as { rows?: readonly unknown[] } | null)?.rows?.length ?? 0;
const shown = ({ accepted, quarantined }: Receipt): string => `${accepted} accepted, ${quarantined} quarantined`;

function sample(ids: readonly string[]): readonly string[] {
  const step = Math.max(1, Math.floor(ids.length / TRACED_MAX));
  return ids.filter((_, i) => i % step === 0);
}

interface Metrics {
  readonly summary: { readonly failed: number };
}

function causesIn(groups: readonly Row[]): EventFuzzOutcome['causes'] {
  const counts = new Map<string, number>();
  for (const { reason, count } of groups) counts.set(String(reason), (counts.get(String(reason)) ?? 0) + Number(count));
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count);
}

/** One request, tried again while the gateway is busy. Throws for every answer that is none a batch may have. */
async function send(origin: string, body: Buffer, signal: AbortSignal): Promise<Receipt> {
  const key = `events-${performance.now()}-${body.length}`;
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${origin}/v1/events?receipts=all`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': key },
      body: new Uint8Array(body),
      signal,
    });
    const text = await response.text();
    if (response.status === 202) return JSON.parse(text) as Receipt;
    if (![409, 429, 503].includes(response.status) || tries === TRIES_MAX)
      throw new Error(`answered ${response.status}: ${text.slice(0, 400)}`);
    await sleep(Number(response.headers.get('retry-after') ?? 1) * 1000, undefined, { signal });
  }
}

/** Rows of the table of all events once it has as many as have landed, or no more come. */
async function committed(origin: string, landed: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + COMMIT_MS_MAX;
  for (;;) {
    const { json } = await ask(origin, '/v1/tables/clean.events', signal);
    const rows = Number((json as { rows?: number } | null)?.rows ?? 0);
    if (rows === landed || performance.now() > deadline) return rows;
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function ask(origin: string, target: string, signal: AbortSignal) {
  const response = await fetch(origin + target, { signal });
  const text = await response.text();
  try {
    return { status: response.status, text, json: JSON.parse(text) as unknown };
  } catch {
    return { status: response.status, text, json: null };
  }
}
