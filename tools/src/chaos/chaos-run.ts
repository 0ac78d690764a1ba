import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ON_TIME_COLUMNS, SHIPMENTS_DAILY_COUNTS } from '@millrace/marts';
import { cellsCheck, type Check, daysOf, exceptionsByDayAndCarrier } from '../demo/answers';
import { createClient, type Totals } from '../demo/client';
import { batches, type DataSet } from '../demo/data-set';
import { settle } from '../demo/settle';
import { startMillrace } from '../start/millrace';
import { type Kill, Killer, seededRandom } from './killer';
import { countTables, type TableCount } from './lake-check';

export interface ChaosOptions {
  readonly data: DataSet;
  readonly dataDir: string;
  readonly portBase: number;
  readonly seed: number;
  /** Loading is spread over this time, and goes on until so many kills have happened. */
  readonly loadMs: number;
  readonly killsMin: number;
  readonly restMs: readonly [number, number];
  readonly onKill?: (kill: Kill) => void;
  readonly onLine?: (text: string) => void;
}

export interface ChaosOutcome {
  readonly kills: readonly Kill[];
  /** Items of requests that were answered 2xx. */
  readonly acknowledged: number;
  readonly totals: Totals;
  readonly settled: boolean;
  readonly tables: Readonly<Record<string, TableCount>>;
  /** Every cell of the marts against the known answers. */
  readonly checks: readonly Check[];
}

const LINES_PER_REQUEST = 500;
const CLIENT_WAIT_MS_MAX = 120_000;

/**
 * Loads the data set into a Millrace of its own while its processes are killed, as a client would that repeats what was
 * not acknowledged; then waits for rest and asks everything.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const { data, dataDir, portBase, seed, onLine } = options;
  const random = seededRandom(seed);
  const controller = new AbortController();
  const millrace = await startMillrace(
    { dataDir, portBase, workers: 1, jsonLogs: true },
    {
      env: process.env,
      signal: controller.signal,
      onLine: (line) => onLine?.(`${line.process} ${line.text}`),
      say: (text) => onLine?.(text),
    },
  );
  try {
    const client = createClient(millrace.url, { waitMsMax: CLIENT_WAIT_MS_MAX });
    const killer = new Killer({ dataDir, restMs: options.restMs, random, sleep, onKill: options.onKill });
    const killing = killer.run();
    const requests = [...batches(data.lines, LINES_PER_REQUEST, 1 << 20)];
    const began = performance.now();
    let acknowledged = 0;
    for (const [i, request] of requests.entries()) {
      const receipt = await client.send(request.body, `chaos-${seed}-${i}`);
      acknowledged += receipt.accepted + receipt.quarantined;
      // The tail of the load is held back until enough has been killed in the middle of it.
      while (i >= requests.length - 5 && killer.kills.length < options.killsMin) await sleep(100);
      const due = began + ((i + 1) / requests.length) * options.loadMs;
      if (due > performance.now()) await sleep(due - performance.now());
    }
    killer.stop();
    await killing;
    const days = daysOf(data.known);
    const settled = await settle(0, 0, {
      client,
      days,
      signal: controller.signal,
      onPending: () => undefined,
      stillMsMax: 60_000,
    });
    const totals = await client.conservation();
    const rows = (query: string) => client.rows(`/v1/${query}${query.includes('?') ? '&' : '?'}${days}`);
    const { known } = data;
    const checks = [
      cellsCheck(
        'shipments by day and carrier',
        await rows('shipments/daily'),
        known.dayCarrier,
        ['service_date', 'carrier_code'],
        SHIPMENTS_DAILY_COUNTS,
      ),
      cellsCheck(
        'on time by carrier',
        await rows('on-time-performance?group_by=carrier_code'),
        known.carrier,
        ['carrier_code'],
        ON_TIME_COLUMNS,
      ),
      cellsCheck(
        'on time by day',
        await rows('on-time-performance?group_by=service_date'),
        known.day,
        ['service_date'],
        ON_TIME_COLUMNS,
      ),
      cellsCheck(
        'on time by lane',
        await rows('on-time-performance?group_by=lane'),
        known.lane,
        ['lane'],
        ON_TIME_COLUMNS,
      ),
      cellsCheck(
        'exceptions by day and carrier',
        exceptionsByDayAndCarrier(await rows('exceptions')),
        known.dayCarrier.filter((row) => Number(row['exceptions']) > 0),
        ['service_date', 'carrier_code'],
        ['exceptions'],
      ),
    ];
    const tables = await countTables(path.join(dataDir, 'lake'), ['clean.events', 'clean.shipment_events']);
    return { kills: killer.kills, acknowledged, totals, settled, tables, checks };
  } finally {
    await millrace.stop();
  }
}
