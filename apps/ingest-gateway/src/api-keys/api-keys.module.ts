import { type DynamicModule, Module } from '@nestjs/common';
import { KeyRing } from '@millrace/auth';
import { KeysChangedController } from '@millrace/auth/nest';
import type { Messaging } from '@millrace/messaging';
import { MessagingServer } from '@millrace/messaging/nest';
import { OutboxRelay } from '@millrace/messaging/outbox';
import type { ServiceContext } from '@millrace/service';
import type { Storage } from '@millrace/storage';
import { v4 } from 'uuid';
import type { Config } from '../config';
import { ApiKeys } from './api-keys';
import { ApiKeysController, KEY_STORE, NOW } from './api-keys.controller';
import { KeyUsesController } from './key-uses.controller';
import { PrismaKeyStore } from './prisma.client';

/** How often it is looked whether the newest key file is what the table says. */
const RECONCILE_EVERY_MS = 30_000;
/** Keys that expired or were revoked are listed for this long. */
const KEPT_MS = 90 * 86_400_000;

/** API keys: made here, followed everywhere. */
@Module({})
export class ApiKeysModule {
  static compose(
    { config, name, lifecycle, logger, clock, random, access, consume }: Parts,
    { messaging, storage }: { messaging: Messaging; storage: Storage },
  ): DynamicModule {
    const store = new PrismaKeyStore({
      url: config.databaseUrl,
      applicationName: name,
      onIdleError: (error) => logger.warn({ error }, 'a connection of the API keys broke'),
    });
    const relay = new OutboxRelay({
      ...{ outbox: store.outbox, messaging },
      onError: (error) => logger.warn({ error }, 'messages wait in the outbox'),
    });
    const keys = new ApiKeys({
      ...{ store, storage, clock, random },
      newId: () => v4({ random: random.bytes(16) }),
      onChanged: async () => {
        relay.wake();
        await ring.refresh();
      },
    });
    const upkeep = async (): Promise<void> => {
      try {
        await keys.reconcile();
        await keys.sweep();
        await store.forget(new Date(clock.now() - KEPT_MS));
      } catch (error) {
        logger.warn({ error }, 'API keys were not looked after');
      }
    };
    let timer: NodeJS.Timeout | undefined;
    let underWay: Promise<void> = Promise.resolve();
    lifecycle.add({
      name: 'key-store',
      start: async () => {
        await keys.reconcile();
        await relay.start();
        timer = setInterval(() => (underWay = underWay.then(upkeep)), RECONCILE_EVERY_MS);
      },
      stop: async () => {
        clearInterval(timer);
        await underWay;
        await relay.stop();
        await store.stop();
      },
    });
    // Behind the store, so that the last uses are kept when it stops.
    const ring = access.followKeys(storage, (uses) => store.noteUses(uses));
    consume(
      'control',
      new MessagingServer({
        messaging,
        onError: (error) => logger.warn({ error }, 'a control message is handled again'),
      }),
    );
    return {
      module: ApiKeysModule,
      controllers: [ApiKeysController, KeyUsesController, KeysChangedController],
      providers: [
        { provide: ApiKeys, useValue: keys },
        { provide: KEY_STORE, useValue: store },
        { provide: NOW, useValue: () => clock.now() },
        { provide: KeyRing, useValue: ring },
      ],
    };
  }
}

type Parts = Pick<
  ServiceContext<Config>,
  'config' | 'name' | 'lifecycle' | 'logger' | 'clock' | 'random' | 'access' | 'consume'
>;
