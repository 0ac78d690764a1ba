import { type Mart, MARTS, qualityMart } from '@millrace/marts';
import { OutboxRelay } from '@millrace/messaging/outbox';
import { LINKS_MAX } from '@millrace/observability';
import { CatalogWriter } from '../catalog/catalog-writer';
import { Committer } from '../commit/committer';
import { TableCommitter } from '../commit/table-committer';
import { TouchedPartitions } from '../commit/touched-partitions';
import { ContractsInForce } from '../contracts/contracts-in-force';
import { tellContracts } from '../contracts/tell-contracts';
import { eraseRows } from '../erasure/erase-rows';
import { Inference } from '../inference/inference';
import { rebuildMarts } from '../marts/rebuild';
import { type Setback, Setbacks } from '../marts/setbacks';
import { watchQuality } from '../quality/watch';
import { QualityJudge } from '../quality/quality-judge';
import { retentionRounds } from '../retention/round';
import { Maintenance, publishRearranged } from '../tables/maintenance';
import { TablePool } from '../tables/table-pool';
import { causeOf, isLakeUnwritable } from './cause';
import { COMMIT_REST_MS_MAX, COMMIT_REST_SHARE_MIN, restAfter, restBeside } from './commit-rest';
import { DutyCycle } from './duty-cycle';
import { createIntake } from './intake';
import { PacedLoop, type PacedLoopOptions } from './paced-loop';
import type { TableManager, TableManagerEvents, TableManagerPorts, TableManagerSettings } from './ports';
import { Sequence } from './sequence';

export type { TableManager, TableManagerEvents, TableManagerPorts, TableManagerSettings } from './ports';

const COMMIT_IDLE_MS = 2_000;
const MARTS_IDLE_MS = 5_000;
const INFER_EVERY_MS = 250;
const QUALITY_EVERY_MS = 5_000;
const ERASE_EVERY_MS = 500;
const ERASURE_GRACE_MS = 10_000;
const RETENTION_EVERY_MS = 60_000;
const CATALOG_KEEP_MS = 3_600_000;
/** Numbers whose batch is remembered after it is committed. */
const APPLIED_KEPT = 500_000;
/** Messages of the outbox are sent when it is woken; this is for what another process left there. */
const OUTBOX_POLL_MS = 1_000;
/** Where there is no randomness to be had. */
const NO_JITTER = { next: (): number => 0.5 };

/** Puts the service together out of its ports: intake, commits, marts, maintenance, outbox. */
export function createTableManager(
  ports: TableManagerPorts,
  settings: TableManagerSettings,
  events: TableManagerEvents,
): TableManager {
  const { storage, duck, questions, store, messaging, clock, newId, sleep, failpoint, monotonicMs } = ports;
  const { cpuMs = monotonicMs } = ports;
  const now = (): number => clock.now();
  const failed =
    (what: string) =>
    (error: unknown): void =>
      events.onError(error, what);

  const contracts = new ContractsInForce(storage, ports.contracts, failpoint);
  const { targetFileBytes } = settings;
  const tables = new TablePool({
    ...{ storage, duck, clock, targetFileBytes, tableOptions: ports.tableOptions },
    contracts: () => contracts.current(),
    onBackgroundError: failed('a checkpoint was not written'),
    beforeCommit: () => failpoint('data-written'),
  });
  const marts = (): readonly Mart[] => {
    const quality = qualityMart(contracts.current().contracts);
    return quality ? [...MARTS, quality] : MARTS;
  };
  const catalog = new CatalogWriter({ storage, now, monotonicMs, keepMs: CATALOG_KEEP_MS });
  const committer = new Committer({
    ...{ store, tables, catalog, contracts, newId, failpoint },
    tableCommitter: new TableCommitter({ tables, storage, questions, now }),
    touched: new TouchedPartitions({ questions, tables, catalog, marts }),
    limits: { batchesMax: settings.commitBatchesMax, rowsMax: settings.commitRowsMax },
  });
  const relay = new OutboxRelay({
    ...{ outbox: store.outbox, messaging, pollMs: OUTBOX_POLL_MS, timers: ports.timers },
    afterAppend: () => failpoint('outbox-appended'),
    onError: failed('messages wait in the outbox'),
  });

  const inference =
    settings.inference &&
    new Inference({
      ...{ storage, store, observations: ports.observations, tables, catalog, questions, contracts },
      ...{ marts, now, newId, monotonicMs, failpoint, settings: settings.inference },
      tell: (index) => tellContracts({ store, storage, now, newId }, index),
    });
  const judge = new QualityJudge(duck, now);
  const setbacks = new Setbacks({ monotonicMs, random: () => (ports.random ?? NO_JITTER).next() });
  const onFailed = (setback: Setback): void => events.onMartFailed?.(setback);
  const { martPartitionsMax: partitionsMax, martRowsMax: rowsMax, qualityDaysMax: daysMax = 35 } = settings;
  /** Trace contexts of the commits that no rebuild has followed yet; only where spans are recorded. */
  const commits: string[] = [];
  const rounds: TableManager['rounds'] = {
    commit: async () => {
      const done = await committer.commitNext();
      if (done) inference?.committed(done.seen);
      if (done?.traceparent && commits.length < LINKS_MAX) commits.push(done.traceparent);
      return done;
    },
    rebuild: async () => {
      const causes = [...commits];
      const rebuilt = await rebuildMarts({
        ...{ store, tables, catalog, marts: marts(), questions, partitionsMax, rowsMax, newId, failpoint, causes },
        ...{ judge, setbacks, onFailed, onJudged: async (judged) => ports.quality?.record(judged, now()) },
      });
      commits.splice(0, causes.length);
      return rebuilt;
    },
    maintain: (signal) => maintenance.round(signal),
    infer: async () => (inference ? inference.round() : false),
    watchQuality: async () =>
      ports.quality !== undefined &&
      watchQuality({
        ...{ quality: ports.quality, store, tables, catalog, daysMax, now },
        contracts: () => contracts.current(),
      }),
    erase: async (signal) => {
      const { erasures } = ports;
      const deps = { store, tables, catalog, storage, duck, marts, now, newId, failpoint };
      const graceMs = settings.erasureGraceMs ?? ERASURE_GRACE_MS;
      return erasures ? eraseRows({ ...deps, erasures, graceMs }, signal) : false;
    },
    retain: retentionRounds(ports, settings, events, { tables, catalog, marts, contracts }),
  };
  const committing = new DutyCycle(monotonicMs);
  let commitRows = 0;
  const restBesideCommits = (): number => restBeside(committing.share, commitRows);
  const loops: PacedLoop[] = [];
  const paced = (
    what: string,
    options: Pick<PacedLoopOptions, 'round' | 'everyMs' | 'idleMs' | 'restShare' | 'restMsMax'> & {
      /** Without it rows do not come into the tables: any failure is one of the service. */
      readonly isVital?: boolean;
    },
  ): PacedLoop => {
    const faultOf = (error: unknown): string | null =>
      options.isVital || isLakeUnwritable(error) ? `${what}: ${causeOf(error)}` : null;
    const loop = new PacedLoop({
      ...{ ...options, sleep, monotonicMs, effortMs: cpuMs, faultOf },
      onError: failed(what),
    });
    loops.push(loop);
    return loop;
  };
  const martsLoop = paced('marts were not rebuilt', {
    everyMs: settings.martsEveryMs,
    idleMs: MARTS_IDLE_MS,
    restShare: restBesideCommits,
    round: async () => {
      const began = monotonicMs();
      const rebuilt = await rounds.rebuild();
      if (!rebuilt) return false;
      relay.wake();
      events.onRebuilt?.(rebuilt, monotonicMs() - began);
      return true;
    },
  });
  const inferenceLoop = paced('contracts were not inferred', {
    everyMs: INFER_EVERY_MS,
    idleMs: INFER_EVERY_MS,
    restShare: restBesideCommits,
    round: async () => {
      if (!inference?.isDue) return false;
      if (await rounds.infer()) relay.wake();
      return true;
    },
  });
  if (ports.quality)
    paced('quality was not watched', {
      everyMs: QUALITY_EVERY_MS,
      idleMs: QUALITY_EVERY_MS,
      round: async () => {
        if (await rounds.watchQuality()) martsLoop.wake();
        relay.wake();
        return false;
      },
    });
  let commitRest: number = COMMIT_REST_SHARE_MIN;
  const commitLoop = paced('batches were not committed', {
    isVital: true,
    everyMs: settings.commitEveryMs,
    idleMs: COMMIT_IDLE_MS,
    restShare: () => commitRest,
    restMsMax: COMMIT_REST_MS_MAX,
    round: async () => {
      const began = monotonicMs();
      const cpuBefore = cpuMs();
      const done = await rounds.commit();
      if (!done) return false;
      relay.wake();
      martsLoop.wake();
      if (inference?.isDue) inferenceLoop.wake();
      const tookMs = monotonicMs() - began;
      committing.worked(Math.min(tookMs, cpuMs() - cpuBefore));
      commitRest = restAfter(done, settings);
      commitRows = done.rows;
      events.onCommitted?.(done, tookMs);
      return true;
    },
  });
  const maintenance = new Maintenance({
    ...{ tables, storage, now, targetFileBytes },
    record: ports.vacuumRecord,
    catalog: () => catalog.current,
    filesMin: settings.compactFilesMin,
    vacuumEveryMs: settings.vacuumEveryMs,
    failpoint,
    publish: () => publishRearranged(catalog, tables),
    onCompacted: (table, files) => events.onCompacted?.(table, files),
    onVacuumed: (table, result) => events.onVacuumed?.(table, result),
  });
  paced('rows were not erased', {
    everyMs: ERASE_EVERY_MS,
    idleMs: ERASE_EVERY_MS,
    restShare: restBesideCommits,
    round: async (signal) => {
      const more = await rounds.erase(signal);
      if (more) martsLoop.wake();
      return more;
    },
  });
  if (ports.retention)
    paced('rows were not deleted that contracts no longer keep', {
      everyMs: ERASE_EVERY_MS,
      idleMs: settings.retentionEveryMs ?? RETENTION_EVERY_MS,
      restShare: restBesideCommits,
      round: (signal) => rounds.retain(signal).finally(() => relay.wake()),
    });
  const teller = { store, storage, now, newId };
  const { compactEveryMs } = settings;
  paced('tables were not maintained', {
    everyMs: compactEveryMs,
    idleMs: compactEveryMs,
    restShare: restBesideCommits,
    round: async (signal) => {
      // A table that cannot be maintained keeps nothing else from being done.
      const maintained = await rounds.maintain(signal).catch((error: unknown) => ({ error }));
      await store.prune(APPLIED_KEPT);
      // A process may have died between writing an index and saying so.
      const index = await contracts.newest();
      if (index > (await store.contractsTold())) await tell(index);
      if (maintained) throw maintained.error;
      return true;
    },
  });

  const intake = createIntake({
    ...{ messaging, sleep, store, newId, now },
    received: async () => {
      await failpoint('received');
      commitLoop.wake();
    },
    catalogVersion: () => catalog.current?.version ?? 0,
    answered: () => relay.wake(),
    onError: failed('announced batches were not received'),
  });

  // A standby's relay does not run; two at once send everything once.
  const flush = async (): Promise<void> => void (await relay.sweep().catch(failed('messages wait in the outbox')));
  const tell = async (index: number): Promise<void> => {
    await tellContracts(teller, index);
    await flush();
  };

  const work = new Sequence([
    {
      name: 'contracts',
      start: async () => {
        const index = await contracts.publish();
        await catalog.adopt();
        inference?.begin();
        await tellContracts(teller, index);
      },
      stop: async () => undefined,
    },
    { name: 'outbox', start: () => relay.start(), stop: () => relay.stop() },
    {
      name: 'loops',
      start: async () => {
        for (const loop of loops) await loop.start();
      },
      stop: async () => {
        await Promise.all(loops.map((loop) => loop.stop()));
        await tables.settled();
      },
    },
    { name: 'intake', start: () => intake.start(), stop: () => intake.stop() },
  ]);

  const fault = (): string | null => {
    const faulty = loops.find((loop) => loop.fault !== null);
    return faulty?.fault ?? (intake.healthy ? null : 'announced batches are not received');
  };
  return { work, rounds, inference: inference ?? null, catalog, tables, contracts, setbacks, tell, flush, fault };
}
