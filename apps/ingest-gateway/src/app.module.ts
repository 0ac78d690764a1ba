import { type DynamicModule, Module } from '@nestjs/common';
import { MESSAGING_SYSTEM } from '@millrace/messaging';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import { LogWatch } from '@millrace/messaging/watch';
import { createFailpoints } from '@millrace/observability/failpoints';
import type { ServiceContext } from '@millrace/service';
import { DailyKeys, SEALED_RECORD_OVERHEAD_BYTES } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { ApiKeysModule } from './api-keys/api-keys.module';
import { DiskSpace } from './availability/disk-space';
import { Admission } from './availability/admission';
import { LogHealth } from './availability/log-health';
import { withAppendFailpoints } from './capture/append-failpoints';
import { LoopDelay } from './availability/loop-delay';
import { PacedRefusals } from './availability/paced-refusals';
import { createAppend } from './capture/append-span';
import { BodyBudget } from './capture/body-budget';
import { logFull, refuseForNow } from './capture/capture';
import { GroupCommit } from './capture/group-commit';
import { createCaptureHandlers } from './capture/handlers';
import { RECORD_BYTES_MAX, RETRY_AFTER_FULL_SECONDS } from './capture/limits';
import { addCaptureRoutes } from './capture/routes';
import type { Config } from './config';
import { ContractsChangedController } from './contracts/contracts-changed.controller';
import { ContractSource } from './contracts/strict-check';
import { PrismaIdempotencyStore } from './idempotency/prisma.client';
import { InboundSeal } from './sealing/inbound-seal';
import { parseWebhookSources } from './webhooks/sources';

const TOPIC = TOPICS.eventsInbound;
const PRUNE_EVERY_MS = 600_000;
const LOG_CHECK_EVERY_MS = 1_000;
const FULL_REST_MS = 100;
const DISK_CHECK_EVERY_MS = 5_000;
const LOOP_CHECK_EVERY_MS = 10;
/** Looks at the delay of requests happen once in so many of those. */
const LOOKS_EVERY = 10;
const REFUSAL_WAIT_MS_MAX = 5_000;
/** A refusal costs about a third of a small request: so refusing takes a thirtieth of the time. */
const REFUSALS_PER_HANDLED = 0.1;
/** Contracts are looked for so often beside their messages, of which one may be lost. */
const CONTRACTS_EVERY_MS = 30_000;
/** How long a strict answer may rest on contracts that were looked up before. */
const CONTRACTS_FRESH_MS_MAX = 1_000;

/** Composition root: the log on Postgres, idempotency and API keys through Prisma, contracts from the lake's folder. */
@Module({})
export class AppModule {
  static compose(context: ServiceContext<Config>): DynamicModule {
    const { config, lifecycle, logger, metrics, clock, random } = context;
    const failpoint = createFailpoints('ingest-gateway', config.failpoints);
    const monotonicMs = (): number => performance.now();
    const cpuMs = (): number => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    };
    const onLogError = (error: unknown): void => logger.warn({ error }, 'the log failed');
    const messaging = createPostgresMessaging({
      url: config.databaseUrl,
      applicationName: context.name,
      appendConnectionsMax: config.appendsInFlightMax,
      statementTimeoutMs: config.appendMsMax,
      // Appends are repeated by the group commit, which knows how long its callers may wait.
      appendRetryMs: 0,
      limits: {
        recordBytesMax: RECORD_BYTES_MAX + SEALED_RECORD_OVERHEAD_BYTES,
        batchBytesMax: 2 * RECORD_BYTES_MAX,
        batchRecordsMax: 200_000,
      },
      onError: onLogError,
    });
    const health = new LogHealth({
      probe: () => messaging.ends(TOPIC.name),
      monotonicMs,
      fullMs: RETRY_AFTER_FULL_SECONDS * 1000,
      fullRestMs: FULL_REST_MS,
    });
    const storage = createFilesystemStorage({ root: config.storageRoot });
    const disk = new DiskSpace({ read: () => storage.freeBytes(), freePercentMin: config.diskFreePercentMin });

    const appendedItems = metrics.counter('millrace_accepted_items_total', 'Items made durable.');
    const appends = metrics
      .seriesHistogram('millrace_append_duration_seconds', 'From the start of an append until it is durable.', [])
      .series();
    const failures = metrics.counter('millrace_failed_appends_total', 'Appends whose requests were refused.', ['code']);
    const contracts = new ContractSource({
      storage,
      now: () => clock.now(),
      freshMsMax: CONTRACTS_FRESH_MS_MAX,
      unknownTypes: config.unknownTypes,
      onError: (error) => logger.warn({ error }, 'contracts could not be read'),
    });
    const soon = (fn: () => void): void => void setImmediate(fn);
    const seal = new InboundSeal({
      keys:
        config.masterKeyFile === undefined
          ? null
          : new DailyKeys({ storage, clock, random, master: createFileMasterKeys(config.masterKeyFile, random) }),
      classify: () => contracts.classify(),
      ...{ random, soon },
    });
    const sealing = every(CONTRACTS_EVERY_MS, async () => {
      await contracts.refresh();
      await seal.prepare();
    });
    lifecycle.add({ name: 'sealing', ...sealing, ready: () => seal.ready(), notice: () => seal.notice() });
    let appendMs = 0;
    const groupCommit = new GroupCommit({
      append: withAppendFailpoints(createAppend(messaging, TOPIC.name, MESSAGING_SYSTEM), failpoint),
      partitions: Array.from({ length: TOPIC.partitions }, (_, i) => String(i)),
      limits: {
        lingerMsMax: config.lingerMsMax,
        batchItemsMax: config.appendItemsMax,
        batchBytesMax: config.appendBytesMax,
        inFlightMax: config.appendsInFlightMax,
        turnItems: config.turnItems,
        queueBytesMax: config.queueBytesMax,
        queueMsMax: config.queueMsMax,
        retryMsMax: config.appendRetryMsMax,
      },
      newId: () => v4({ random: random.bytes(16) }),
      seal: (items) => seal.seal(items),
      timers: {
        monotonicMs,
        after: (ms, fn) => {
          const timer = setTimeout(fn, ms);
          return () => clearTimeout(timer);
        },
        soon,
      },
      observer: {
        onAppended: (items, _requests, _bytes, ms) => {
          appendMs = ms;
          appendedItems.inc(items);
          appends.observe(ms / 1000);
          health.onAppended();
        },
        onFailed: (error) => {
          failures.inc({ code: (error as { code?: string }).code ?? 'unknown' });
          health.onFailed(error);
        },
      },
    });
    const budget = new BodyBudget(config.bodyBytesMax);
    metrics.gauge('millrace_queue_bytes', 'Memory of items taken and not yet durable.', [], (gauge) =>
      gauge.set(groupCommit.heldBytes),
    );
    metrics.gauge('millrace_body_bytes', 'Memory of request bodies.', [], (gauge) => gauge.set(budget.heldBytes));

    const admission = new Admission({
      handledMin: config.handledMin,
      handledMax: config.handledMax,
      delayMsMax: config.delayMsMax,
      burstMsMax: config.burstMsMax,
      monotonicMs,
    });
    const refusals = new PacedRefusals({
      perSecondMin: config.refusalsPerSecondMin,
      perHandled: REFUSALS_PER_HANDLED,
      waitMsMax: REFUSAL_WAIT_MS_MAX,
      monotonicMs,
    });
    metrics.gauge('millrace_handled_requests_max', 'Requests that may be handled at once now.', [], (gauge) =>
      gauge.set(admission.handledMax),
    );
    metrics.gauge('millrace_waiting_refusals', 'Refused requests whose answer waits its turn.', [], (gauge) =>
      gauge.set(refusals.waiting),
    );
    const loopDelay = new LoopDelay(LOOP_CHECK_EVERY_MS);
    let ticks = 0;
    let watching: NodeJS.Timeout | undefined;
    lifecycle.add({
      name: 'admission',
      start: async () => {
        watching = setInterval(() => {
          loopDelay.tick(monotonicMs(), cpuMs());
          admission.tick();
          refusals.tick();
          if (++ticks % LOOKS_EVERY === 0)
            admission.look({ loopMs: loopDelay.take(), queueMs: Math.max(0, groupCommit.waitingMs - appendMs) });
        }, LOOP_CHECK_EVERY_MS);
      },
      stop: async () => clearInterval(watching),
    });

    const keys = new PrismaIdempotencyStore({
      url: config.databaseUrl,
      applicationName: context.name,
      connectionsMax: config.keyConnectionsMax,
      lockMs: config.keyLockMs,
      ttlMs: config.keyTtlMs,
      onIdleError: (error) => logger.warn({ error }, 'a connection of the idempotency keys broke'),
    });
    const pruneKeys = () => keys.prune().catch((error) => logger.warn({ error }, 'idempotency keys were not pruned'));
    lifecycle.add({
      name: 'disk',
      ...every(DISK_CHECK_EVERY_MS, () => disk.check()),
      ready: () => disk.shortage() ?? true,
    });
    const pruning = every(PRUNE_EVERY_MS, pruneKeys);
    lifecycle.add({
      name: 'idempotency-keys',
      start: async () => {
        await keys.start();
        await pruning.start();
      },
      stop: async () => {
        await pruning.stop();
        await keys.stop();
      },
    });
    const checking = every(LOG_CHECK_EVERY_MS, () => health.check());
    lifecycle.add({
      name: 'log',
      start: async () => {
        await messaging.ensureTopic(TOPIC.name, { partitions: TOPIC.partitions });
        await checking.start();
      },
      stop: async () => {
        await checking.stop();
        await groupCommit.drain();
        await messaging.close();
      },
      ready: () => health.ready(),
    });
    lifecycle.add(new LogWatch({ messaging, metrics, logger, topics: [TOPIC.name] }));

    const sources = parseWebhookSources(config.webhookSources);
    addCaptureRoutes(context.fastify, context.openapi, {
      budget,
      admission,
      refusals,
      closed: () => {
        if (health.full) return logFull();
        const shortage = disk.shortage();
        return shortage === null
          ? null
          : refuseForNow(`The service takes nothing while ${shortage}.`, undefined, RETRY_AFTER_FULL_SECONDS);
      },
      handlers: createCaptureHandlers({
        ...{ groupCommit, keys, sources, failpoint, clock, random },
        strictCheck: () => contracts.strictCheck(),
      }),
    });
    return {
      module: AppModule,
      imports: [ApiKeysModule.compose(context, { messaging, storage })],
      controllers: [ContractsChangedController],
      providers: [{ provide: ContractSource, useValue: contracts }],
    };
  }
}

/** Something done at once and then again and again, each time after the last has ended. */
function every(ms: number, work: () => Promise<unknown>): { start(): Promise<void>; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let turn: Promise<unknown> = Promise.resolve();
  const next = (): void => {
    turn = work().finally(() => {
      if (!stopped) timer = setTimeout(next, ms);
    });
  };
  return {
    start: async () => {
      next();
      await turn;
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
