import { type DynamicModule, Module } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { createPostgresMessaging } from '@millrace/messaging/postgres';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import { TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import { createBatchHandler } from './capture/batch';
import { GroupCommit } from './capture/group-commit';
import { addCaptureRoutes } from './capture/routes';
import { createSingleHandler, SINGLE_ROUTE } from './capture/single';
import type { Config } from './config';
import { ContractSource } from './contracts/strict-check';
import { PrismaClient } from './generated/prisma/client';
import { PrismaIdempotencyStore } from './idempotency/prisma-store';
import { withIdempotency } from './idempotency/with-idempotency';
import { createPushHandler } from './pubsub/push';
import { parseWebhookSources } from './webhooks/sources';
import { createWebhookHandler } from './webhooks/webhook';

const PRUNE_EVERY_MS = 600_000;
/** How long a strict answer may rest on contracts that were looked up before. */
const CONTRACTS_FRESH_MS_MAX = 1_000;

/** Composition root: the log on Postgres, idempotency keys through Prisma, contracts from the lake's folder. */
@Module({})
export class AppModule {
  static compose(context: ServiceContext<Config>): DynamicModule {
    const { config, lifecycle, logger, metrics, clock, random } = context;
    const messaging = createPostgresMessaging({ url: config.databaseUrl, applicationName: context.name });
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: config.databaseUrl, max: config.databaseConnectionsMax }) });
    const storage = createFilesystemStorage({ root: config.storageRoot });
    const now = (): number => clock.now();
    const onError = (error: unknown): void => logger.error({ error: error as Error }, 'idempotency keys were not pruned');

    const acceptedItems = metrics.counter('millrace_accepted_items_total', 'Items made durable.');
    const appendSeconds = metrics.histogram('millrace_append_duration_seconds', 'From the start of an append until it is durable.');
    const groupCommit = new GroupCommit({
      messaging,
      topic: TOPICS.eventsInbound.name,
      partitions: Array.from({ length: TOPICS.eventsInbound.partitions }, (_, i) => String(i)),
      limits: {
        lingerMsMax: config.lingerMsMax,
        batchItemsMax: config.appendItemsMax,
        batchBytesMax: config.appendBytesMax,
        inFlightMax: config.appendsInFlightMax,
        queueBytesMax: config.queueBytesMax,
        retryMsMax: config.appendRetryMsMax,
      },
      newId: v4,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      now,
      onAppended: (items, _requests, _bytes, ms) => {
        acceptedItems.inc(items);
        appendSeconds.observe(ms / 1000);
      },
    });
    metrics.gauge('millrace_held_bytes', 'Bytes accepted from requests and not yet durable.', [], (gauge) => gauge.set(groupCommit.heldBytes));

    const idempotency = new PrismaIdempotencyStore(prisma, { lockMs: config.idempotencyLock, ttlMs: config.idempotencyTtl, now });
    let pruning: NodeJS.Timeout | undefined;
    lifecycle.add({
      name: 'idempotency-keys',
      start: async () => {
        await prisma.$connect();
        pruning = setInterval(() => void idempotency.prune().catch(onError), PRUNE_EVERY_MS);
      },
      stop: async () => {
        clearInterval(pruning);
        await prisma.$disconnect();
      },
    });
    lifecycle.add({
      name: 'log',
      start: () => messaging.ensureTopic(TOPICS.eventsInbound.name, { partitions: TOPICS.eventsInbound.partitions }),
      stop: async () => {
        await groupCommit.drain();
        await messaging.close();
      },
    });

    const contracts = new ContractSource({ storage, now, freshMsMax: CONTRACTS_FRESH_MS_MAX });
    const capture = { groupCommit, now };
    const keyed = (route: string, handler: Parameters<typeof withIdempotency>[2]) => withIdempotency(idempotency, route, handler);
    addCaptureRoutes(context.fastify, context.openapi, {
      single: keyed(SINGLE_ROUTE, createSingleHandler({ ...capture, random })),
      batch: keyed('POST /v1/events', createBatchHandler({ ...capture, strictCheck: () => contracts.strictCheck() })),
      push: keyed('POST /api/v1/ingest_event', createPushHandler(capture)),
      webhook: keyed('POST /v1/webhooks', createWebhookHandler({ ...capture, sources: parseWebhookSources(config.webhookSources) })),
    });
    return { module: AppModule };
  }
}
