import { setTimeout as sleep } from 'node:timers/promises';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import type { ServiceContext } from '@millrace/service';
import { createFilesystemStorage } from '@millrace/storage/filesystem';
import type { Config } from './config';
import { dataSetsIn, linesOf } from './demo/data-sets.client';
import { SEED_DEPS, SeedController, type SeedControllerDeps } from './demo/seed.controller';
import { GENERATE_DEPS, GenerateController } from './generate/generate.controller';
import type { GenerateDeps } from './generate/generate';
import { LOAD_DEPS, LoadController, type LoadControllerDeps } from './load/load.controller';
import { Loads } from './load/loads';
import { createHttpTarget } from './targets/http/client';
import { createKafkaTarget } from './targets/kafka/client';
import type { Target } from './targets/port';
import { Publisher } from './targets/publisher';
import { createPubsubTarget } from './targets/pubsub/client';

/** The data sets that come with Millrace: the same number of steps up from `src` and from `dist`. */
const BUNDLED_DATA_SETS = path.resolve(__dirname, '..', '..', '..', 'demo');

/** Composition root: one target, chosen by GENERATOR_TARGET, for everything that is sent. No database: loads are in memory. */
@Module({})
export class AppModule {
  static compose(context: ServiceContext<Config>): DynamicModule {
    const { config, lifecycle, metrics, clock, random } = context;
    const wait = async (ms: number, signal?: AbortSignal): Promise<void> =>
      void (await sleep(ms, undefined, { signal }));
    const monotonicMs = (): number => performance.now();
    context.access.followKeys(createFilesystemStorage({ root: config.storageRoot }));
    const target = targetOf(context);
    const publisher = new Publisher({
      ...{ target, wait, monotonicMs, random },
      retryMsMax: config.retryMsMax,
      metrics: {
        events: metrics.counter('millrace_published_events_total', 'Items sent to the target, by what came of it.', [
          'outcome',
        ]),
        retries: metrics.counter('millrace_publish_retries_total', 'Attempts beyond the first of each batch.'),
        durations: metrics
          .seriesHistogram('millrace_publish_duration_seconds', 'Attempts to send a batch.', ['target'])
          .series(target.name),
      },
    });
    const newId = (): string => random.bytes(9).toString('base64url');
    const loads = new Loads({ publisher, wait, monotonicMs, clock, newId });
    metrics.gauge('millrace_loads_running', 'Loads under way.', [], (gauge) => gauge.set(loads.running));

    lifecycle.add({
      name: `target:${target.name}`,
      start: () => target.start(),
      stop: () => target.stop(),
      // Whatever a broker's client says at first, it may be there in a moment.
      retry: () => true,
    });
    lifecycle.add({ name: 'loads', start: async () => undefined, stop: () => loads.stop() });

    const generating: GenerateDeps = { publisher, clock, random };
    const dir = config.demoDataDir ?? BUNDLED_DATA_SETS;
    const seeding: SeedControllerDeps = {
      ...{ publisher, random },
      dataSets: () => dataSetsIn(dir),
      linesOf: (name) => linesOf(dir, name),
    };
    const loading: LoadControllerDeps = { loads, clock, random };
    return {
      module: AppModule,
      controllers: [GenerateController, SeedController, LoadController],
      providers: [
        { provide: GENERATE_DEPS, useValue: generating },
        { provide: SEED_DEPS, useValue: seeding },
        { provide: LOAD_DEPS, useValue: loading },
      ],
    };
  }
}

function targetOf({ config, name, clock, logger }: ServiceContext<Config>): Target {
  const { requestMsMax, messageFormat: format } = config;
  switch (config.target) {
    case 'http':
      return createHttpTarget({
        ...{ url: config.targetUrl, requestMsMax, connectionsMax: config.connectionsMax },
        ...(config.targetToken !== undefined && { token: config.targetToken }),
      });
    case 'kafka':
      return createKafkaTarget({
        ...{ format, clock, logger, requestMsMax, clientId: name },
        brokers: config.kafkaBrokers.split(','),
        topic: config.kafkaTopic,
      });
    case 'pubsub':
      return createPubsubTarget({
        ...{ format, clock, requestMsMax, projectId: config.projectId },
        topic: config.pubsubTopic,
        ordered: config.pubsubOrdered,
        ...(config.pubsubEmulator !== undefined && { emulatorHost: config.pubsubEmulator }),
        ...(config.credentialsPath !== undefined && { credentialsPath: config.credentialsPath }),
      });
  }
}
