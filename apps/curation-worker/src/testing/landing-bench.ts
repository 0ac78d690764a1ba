import { type Duck } from '@millrace/lakehouse';
import type { DeliveredBatch } from '@millrace/messaging';
import { systemClock, systemRandom } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { createMemoryStorage } from '@millrace/storage/memory';
import type { InboundHeaders } from '@millrace/topics';
import { v4 } from 'uuid';
import { ContractsKeeper } from '../contracts/keeper';
import { BatchIds } from '../landing/batch-ids';
import { landBatch, type LandBatch, type LandDeps } from '../landing/land-batch';
import { Lander } from '../landing/lander';
import { MemoryLandingStore } from '../landing/memory/store';
import type { LandingStore } from '../landing/port';
import { openScratch, systemTimers } from '../machine.client';
import { type MicroBatch, receive } from '../pipeline/received';
import { gzipRaw } from '../staging/raw-parts';
import { createDuckStager } from '../staging/stage';
import type { Stager } from '../staging/stager';
import { JitteredBackoff } from '../worker/backoff';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import type { Timers } from '../worker/timers';
import type { KeyStore } from '../privacy/key-store';
import type { Protections } from '../privacy/protection';
import { publishContracts } from './lake';
import { testProtections } from './protections';
import { testLogger } from './worker-under-test';

export const HEADERS: InboundHeaders = {
  format: 'event',
  tenant: 'default',
  source: 'http',
  at: '2026-11-21T10:20:30.123Z',
};
export const PARTITION = { topic: 'events.inbound', partition: '0' };

/** A shipment event that keeps its contract, with `payload` and envelope members replaced. */
export function shipmentEvent(id: string, payload: object = {}, envelope: object = {}): Buffer {
  const event = {
    event_id: id,
    event_type: 'shipment.status.changed',
    event_version: 1,
    event_time: '2013-01-31T10:00:00Z',
    source: 'test',
    ...envelope,
    payload: {
      ...{
        shipment_id: `s-${id}`,
        status: 'created',
        service_date: '2013-02-01',
        carrier_code: 'US',
        service_no: 1,
        facility_id: 'EWR',
      },
      ...{ lane: 'EWR-CLT', distance_miles: 529, planned_pickup: '2013-02-01T10:00:00Z', eta: '2013-02-01T11:48:00Z' },
      ...payload,
    },
  };
  return Buffer.from(JSON.stringify(event));
}

/** Items as one stored batch at `base`. */
export function batchOf(values: readonly Buffer[], base = 0, headers: Partial<InboundHeaders> = {}): MicroBatch {
  const all = { ...HEADERS, ...headers } as unknown as Record<string, string>;
  const records = values.map((value, i) => ({ key: null, headers: all, value, offset: base + i }));
  const counts = [
    { tenant: all.tenant, source: all.source, hour: `${all.at.slice(0, 13)}:00:00.000Z`, count: records.length },
  ];
  const stored: DeliveredBatch = {
    header: { appendId: v4(), counts },
    appendedAt: new Date(0),
    base,
    size: records.length,
    records,
  };
  return receive(PARTITION.topic, PARTITION.partition, { from: base, to: base + values.length }, [stored]);
}

export interface Bench {
  readonly store: MemoryLandingStore;
  readonly storage: Storage;
  readonly keeper: ContractsKeeper;
  readonly lander: Lander;
  readonly protections: Protections;
  readonly epoch: number;
  /** Failures that were waited out. */
  readonly troubles: (Error | null)[];
}

export interface BenchOptions {
  /** Not needed where a stager is given. */
  readonly duck?: Duck;
  readonly stager?: Stager;
  readonly store?: MemoryLandingStore;
  readonly wrap?: (store: LandingStore) => LandingStore;
  readonly storage?: Storage;
  readonly keys?: KeyStore;
  readonly landBatch?: LandBatch;
  readonly failpoint?: Failpoint<'curation-worker'>;
  readonly timers?: Timers;
  readonly landedBefore?: LandDeps['landedBefore'];
}

/** A lander on the model of the store and storage in memory, with one partition taken. */
export async function makeBench(options: BenchOptions): Promise<Bench> {
  const memory = options.store ?? new MemoryLandingStore();
  const store = options.wrap?.(memory) ?? memory;
  const storage = options.storage ?? createMemoryStorage();
  await publishContracts(storage);
  const keeper = new ContractsKeeper(store, storage, testLogger);
  await keeper.refresh();
  const epoch = await store.register('bench');
  await store.take(PARTITION, epoch, 0);
  const troubles: (Error | null)[] = [];
  const protections = testProtections(storage, options.keys);
  const lander = new Lander({
    ...{
      store,
      storage,
      keeper,
      stager: options.stager ?? createDuckStager({ storage, scratch: await openScratch(), duck: options.duck as Duck }),
      compress: gzipRaw,
      logger: testLogger,
      clock: systemClock,
      random: systemRandom,
      protections,
    },
    backoff: new JitteredBackoff(systemRandom, systemTimers, 1, 5),
    failpoint: options.failpoint ?? noFailpoints,
    timers: options.timers ?? systemTimers,
    landBatch: options.landBatch ?? landBatch,
    ids: new BatchIds(store),
    landedBefore: options.landedBefore ?? (async () => new Map()),
    declareDate: (e, date) => store.declareDate(e, date),
    observe: () => undefined,
    onTrouble: (error) => void troubles.push(error),
  });
  return { store: memory, storage, keeper, lander, protections, epoch, troubles };
}
