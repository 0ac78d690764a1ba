import type { Messaging, Timers as Waits } from '@millrace/messaging';
import { type Outbox, OutboxRelay } from '@millrace/messaging/outbox';
import type { Clock, Logger, Random } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import { GROUPS } from '@millrace/topics';
import { v4 } from 'uuid';
import { ContractsKeeper } from '../contracts/keeper';
import { collectLoads } from '../dimensions/collect-loads';
import { DimensionFiles } from '../dimensions/files';
import type { DimensionLoadDeps } from '../dimensions/load-dimension';
import { BatchIds } from '../landing/batch-ids';
import { landBatch, type LandBatch, type Landed, type LandDeps } from '../landing/land-batch';
import { Lander } from '../landing/lander';
import type { LandingStore } from '../landing/port';
import { Collector } from '../maintenance/collector';
import { Schedule } from '../maintenance/schedule';
import { deletePassedFiles } from '../maintenance/staged-files';
import type { UpkeepStore } from '../maintenance/upkeep';
import { type Announcement, announcement } from '../outbox/announcement';
import type { UnknownTypes } from '../pipeline/validate';
import { Opener } from '../privacy/opener';
import { openingStore } from '../replay/opening-store';
import { ReplayLoop } from '../replay/loop';
import type { ReplayStore } from '../replay/port';
import { type Mend, ReplayRunner, type RetryPolicy, retryWaitMs } from '../replay/runner';
import type { FoldOptions } from '../windows/fold';
import { FoldLoop } from '../windows/loop';
import type { Keeps, TimeStore } from '../windows/port';
import { type ProtectionDeps, Protections } from '../privacy/protection';
import { JitteredBackoff } from './backoff';
import { DeclaredDates } from './declared-dates';
import type { SessionOptions } from './session';
import type { Timers } from './timers';
import { CurationWorker } from './worker';

/** Everything outside of the service, and chance and time. */
export interface CurationPorts extends Pick<LandDeps, 'stager' | 'compress' | 'landedBefore' | 'observe'> {
  readonly messaging: Messaging;
  readonly store: LandingStore;
  readonly outbox: Outbox<Announcement>;
  readonly upkeep: UpkeepStore;
  readonly time: TimeStore;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: Timers;
  /** Time of this process, which never steps. */
  readonly waits: Waits;
  readonly logger: Logger;
  readonly failpoint: Failpoint<'curation-worker'>;
  /** Forget what is remembered longer than it need be. */
  readonly pruneClaims: (signal: AbortSignal) => Promise<unknown>;
  readonly pruneInbox: () => Promise<unknown>;
  /** Ends what is kept for a while only because it may hold personal data. */
  readonly expire?: (keys: Protections['daily'], signal: AbortSignal) => Promise<unknown>;
  readonly landBatch?: LandBatch;
  /** What is to be replayed, and what waits to be tried again. */
  readonly replays: ReplayStore;
  readonly mend?: Mend;
  /** Tells outsiders what was quarantined; whether there may be more. */
  readonly tellQuarantined?: () => Promise<boolean>;
  /** Adds up counters of the quarantine. */
  readonly compactCounts?: (signal: AbortSignal) => Promise<void>;
  readonly privacy: Pick<ProtectionDeps, 'master' | 'keys' | 'dailyKeepDays'>;
  /** Told that keys of older epochs are no longer in the memory of this run of a worker. */
  readonly keysPurged?: (workerEpoch: number, keysEpoch: number) => Promise<void>;
}

export interface CurationSettings extends Omit<SessionOptions, 'topic' | 'group'> {
  /** Shown beside the epochs. */
  readonly member: string;
  readonly contractsEveryMs: number;
  readonly workerSilenceMsMax: number;
  readonly stagedKeepMs: number;
  readonly unknownTypes?: UnknownTypes;
  readonly retry: RetryPolicy;
  readonly windows: WindowSettings;
  /** Memory of all histories that contracts ask for (default 1 GiB). */
  readonly dimensionsBytesMax?: number;
}

export interface WindowSettings extends Omit<FoldOptions, 'newId'> {
  /** What landed is counted this often. */
  readonly everyMs: number;
  readonly keeps: Keeps;
}

export interface Curation {
  readonly worker: CurationWorker;
  readonly keeper: ContractsKeeper;
  readonly relay: OutboxRelay<Announcement>;
  /** Sends kpi.windows. */
  readonly windowsRelay: OutboxRelay;
  readonly schedule: Schedule;
  readonly replays: ReplayLoop;
  readonly dimensionLoads: DimensionLoadDeps;
  readonly protections: Protections;
  readonly opener: Opener;
  /** Looks for newer contracts and keys epochs, and forgets keys of older ones. */
  readonly refresh: () => Promise<void>;
}

const MINUTE_MS = 60_000;
/** Raw parts of loads of dimensions that did not land are kept for so long. */
const UNLANDED_LOADS_KEEP_MS = 24 * 60 * MINUTE_MS;
/** Batches are announced as they land; this is for what another process left, and what seems lost. */
const OUTBOX_POLL_MS = 2_000;

/** Puts the service together out of its ports: worker, relay of what landed, upkeep. */
export function createCuration(
  ports: CurationPorts,
  settings: CurationSettings,
  onLanded: (landed: Landed) => void = () => undefined,
): Curation {
  const { messaging, store, outbox, upkeep, time, storage, clock, random, timers, waits, logger, failpoint } = ports;
  const monotonicMs = (): number => waits.monotonicMs();
  const {
    member,
    contractsEveryMs,
    workerSilenceMsMax,
    stagedKeepMs,
    unknownTypes,
    retry,
    windows,
    dimensionsBytesMax,
    ...session
  } = settings;
  const backoff = new JitteredBackoff(random, timers);
  const dimensionFiles = new DimensionFiles(storage, dimensionsBytesMax);
  const keeper = new ContractsKeeper(store, storage, logger, dimensionFiles);
  const relay = new OutboxRelay({
    ...{ outbox, messaging, pollMs: OUTBOX_POLL_MS, timers: waits },
    afterAppend: () => failpoint('after-announce'),
    onError: (error) => logger.warn({ error: error as Error }, 'landed batches could not be announced yet'),
  });
  const windowsRelay = new OutboxRelay({
    ...{ outbox: time.outbox, messaging, pollMs: OUTBOX_POLL_MS, timers: waits },
    afterAppend: () => failpoint('after-windows'),
    onError: (error) => logger.warn({ error: error as Error }, 'windows could not be told of yet'),
  });
  const fold = new FoldLoop({
    ...{ store: time, options: { ...windows, newId: () => v4({ random: random.bytes(16) }) }, monotonicMs },
    afterRound: async () => failpoint('windows-folded'),
    onFirings: () => windowsRelay.wake(),
  });
  const dates = new DeclaredDates(store);
  const ids = new BatchIds(store);
  const protections = new Protections({ storage, clock, random, ...ports.privacy });
  const lander = new Lander({
    ...{ store, storage, keeper, backoff, logger, failpoint, timers, clock, random, protections },
    ...{ stager: ports.stager, compress: ports.compress, landedBefore: ports.landedBefore, observe: ports.observe },
    landBatch: ports.landBatch ?? landBatch,
    unknownTypes,
    ids,
    declareDate: (epoch, date) => dates.declare(epoch, date),
    onTrouble: (error) => worker.noteTrouble(error),
  });
  const announce = (landed: Landed): void => {
    onLanded(landed);
    relay.offer(announcement(landed.message, landed.number));
  };
  const worker: CurationWorker = new CurationWorker(
    {
      ...{ messaging, store, lander, keeper, backoff, logger, failpoint, timers, member, monotonicMs },
      onLanded: announce,
      retryInMs: () => retryWaitMs(0, retry, random),
    },
    { ...GROUPS.curation, ...session },
  );
  const refresh = async (): Promise<void> => {
    await keeper.refresh();
    const keysEpoch = keeper.current?.keysEpoch;
    if (keysEpoch === undefined) return;
    protections.purge(keysEpoch);
    if (worker.epoch !== null) await ports.keysPurged?.(worker.epoch, keysEpoch);
  };
  const collector = new Collector({ store: upkeep, storage, logger, failpoint }, monotonicMs);
  const schedule = new Schedule(
    [
      { name: 'contracts', everyMs: contractsEveryMs, run: () => refresh() },
      {
        name: 'collector',
        everyMs: Math.ceil(workerSilenceMsMax / 2),
        run: async () => void (worker.epoch !== null && (await collector.collect(worker.epoch, workerSilenceMsMax))),
      },
      {
        name: 'staged files',
        everyMs: Math.min(5 * MINUTE_MS, Math.max(1_000, stagedKeepMs)),
        run: async (signal) => void (await deletePassedFiles(upkeep, storage, stagedKeepMs, signal, failpoint)),
      },
      {
        name: 'raw loads',
        everyMs: 60 * MINUTE_MS,
        run: async (signal) =>
          void (await collectLoads({ store: upkeep, storage, now: () => clock.now() }, UNLANDED_LOADS_KEEP_MS, signal)),
      },
      { name: 'windows', everyMs: windows.everyMs, run: (signal) => fold.turn(signal) },
      { name: 'old windows', everyMs: 60 * MINUTE_MS, run: () => time.prune(windows.keeps) },
      { name: 'claims', everyMs: 20 * MINUTE_MS, run: async (signal) => void (await ports.pruneClaims(signal)) },
      {
        name: 'quarantined',
        everyMs: 1_000,
        run: async (signal) => {
          while (!signal.aborted && (await ports.tellQuarantined?.()));
        },
      },
      { name: 'counters', everyMs: 10_000, run: async (signal) => ports.compactCounts?.(signal) },
      {
        name: 'expiry',
        everyMs: 60 * MINUTE_MS,
        run: async (signal) => void (await ports.expire?.(protections.daily, signal)),
      },
      { name: 'inbox', everyMs: 60 * MINUTE_MS, run: async () => void (await ports.pruneInbox()) },
    ],
    timers,
    logger,
  );
  const opener = new Opener(protections, ports.privacy.keys);
  const runner = new ReplayRunner(
    {
      ...{ lander, failpoint, logger, random, monotonicMs, onLanded: announce },
      store: openingStore(ports.replays, opener),
      mend: ports.mend ?? noRecipes,
      epoch: () => worker.epoch,
      keysEpoch: () => keeper.current?.keysEpoch,
    },
    retry,
  );
  const replays = new ReplayLoop(runner, timers, logger);
  const dimensionLoads: DimensionLoadDeps = {
    ...{ store, storage, files: dimensionFiles, keeper, ids, clock, logger },
    stager: ports.stager,
    epoch: () => worker.epoch,
    onLanded: (message, number) => relay.offer(announcement(message, number)),
  };
  return { worker, keeper, relay, windowsRelay, schedule, replays, dimensionLoads, protections, opener, refresh };
}

const noRecipes: Mend = (_tenant, { name }) => Promise.reject(new Error(`there is no recipe ${name}`));
