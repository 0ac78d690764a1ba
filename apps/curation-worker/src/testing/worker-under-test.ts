import { setTimeout as sleep } from 'node:timers/promises';
import { type Duck, openDuck } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import { createLogger, systemClock, systemRandom } from '@millrace/observability';
import type { Storage } from '@millrace/storage';
import { GROUPS } from '@millrace/topics';
import { ContractsKeeper } from '../contracts/keeper';
import { DimensionFiles } from '../dimensions/files';
import type { DimensionLoadDeps } from '../dimensions/load-dimension';
import { BatchIds } from '../landing/batch-ids';
import { landBatch, type LandBatch, type Landed, type LandDeps } from '../landing/land-batch';
import { Lander } from '../landing/lander';
import type { LandingStore } from '../landing/port';
import { openScratch, systemTimers } from '../machine.client';
import { gzipRaw } from '../staging/raw-parts';
import { createDuckStager } from '../staging/stage';
import { JitteredBackoff } from '../worker/backoff';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import type { KeyStore } from '../privacy/key-store';
import type { SessionOptions } from '../worker/session';
import { CurationWorker } from '../worker/worker';

import { testProtections } from './protections';

export interface WorkerParts {
  readonly messaging: Messaging;
  readonly store: LandingStore;
  readonly storage: Storage;
  readonly keys?: KeyStore;
  readonly duck: Duck;
  readonly failpoint?: Failpoint<'curation-worker'>;
  readonly landBatch?: LandBatch;
  readonly landedBefore?: LandDeps['landedBefore'];
  readonly options?: Partial<SessionOptions>;
  readonly dimensionsBytesMax?: number;
}

export interface WorkerUnderTest {
  readonly worker: CurationWorker;
  readonly landed: Landed[];
  readonly dimensionLoads: DimensionLoadDeps;
  stop(): Promise<void>;
}

export const testLogger = createLogger({ service: 'test', level: process.env.TEST_LOG ? 'debug' : 'silent' });

export const testDuck = (): Promise<Duck> => openDuck({ memoryLimitMb: 256, threads: 1 });

/** A worker with everything real but what the test replaces. */
export async function startWorker(parts: WorkerParts): Promise<WorkerUnderTest> {
  const { messaging, store, storage, duck, failpoint = noFailpoints } = parts;
  const scratch = await openScratch();
  const landed: Landed[] = [];
  const files = new DimensionFiles(storage, parts.dimensionsBytesMax);
  const keeper = new ContractsKeeper(store, storage, testLogger, files);
  const stager = createDuckStager({ storage, scratch, duck });
  const ids = new BatchIds(store);
  const backoff = new JitteredBackoff(systemRandom, systemTimers, 5, 200);
  const lander = new Lander({
    ...{
      store,
      storage,
      stager,
      compress: gzipRaw,
      keeper,
      backoff,
      failpoint,
      logger: testLogger,
      clock: systemClock,
      random: systemRandom,
      protections: testProtections(storage, parts.keys),
      timers: systemTimers,
    },
    landBatch: parts.landBatch ?? landBatch,
    ids,
    landedBefore: parts.landedBefore ?? (async () => new Map()),
    declareDate: (epoch, date) => store.declareDate(epoch, date),
    observe: () => undefined,
    onTrouble: (error) => worker.noteTrouble(error),
  });
  const worker: CurationWorker = new CurationWorker(
    {
      ...{ messaging, store, lander, keeper, backoff, logger: testLogger, failpoint, timers: systemTimers },
      member: 'test',
      monotonicMs: () => performance.now(),
      onLanded: (one) => void landed.push(one),
      retryInMs: () => 60_000,
    },
    {
      ...GROUPS.curation,
      eventsMax: 5_000,
      bytesMax: 16 << 20,
      lingerMs: 5,
      deliveriesMax: 5,
      landingsMax: 3,
      heartbeatMs: 200,
      ...parts.options,
    },
  );
  worker.start();
  const dimensionLoads: DimensionLoadDeps = {
    ...{ store, storage, files, stager, keeper, ids, clock: systemClock, logger: testLogger },
    epoch: () => worker.epoch,
    onLanded: () => undefined,
  };
  return { worker, landed, dimensionLoads, stop: () => worker.stop() };
}

/** Waits until it is true; rejects after `msMax`. */
export async function until(what: () => Promise<boolean> | boolean, msMax = 30_000): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('it did not come to be in time');
    await sleep(20);
  }
}

/** Whether the group has acknowledged everything there is. */
export async function caughtUp(messaging: Messaging): Promise<boolean> {
  const { topic, group } = GROUPS.curation;
  const [ends, committed] = [await messaging.ends(topic), await messaging.committed(topic, group)];
  return [...ends].every(([partition, end]) => (committed.get(partition) ?? 0) >= end);
}
