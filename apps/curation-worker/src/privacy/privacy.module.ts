import type { Provider } from '@nestjs/common';
import type { Messaging } from '@millrace/messaging';
import type { TableOutbox } from '@millrace/messaging/outbox';
import type { Clock } from '@millrace/observability';
import type { Pool } from '@millrace/postgres';
import { noMasterKeys } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import type { ServiceContext } from '@millrace/service';
import { GROUPS, TOPICS } from '@millrace/topics';
import { v4 } from 'uuid';
import type { Config } from '../config';
import type { CurationPorts } from '../worker/curation';
import { expire } from './expiry';
import type { KeyStore } from './key-store';
import { PostgresKeyStore } from './postgres/key-store';
import type { Protections } from './protection';
import { REVEAL, type RevealParts } from './reveal.controller';

const DAY_MS = 86_400_000;

/** The part of the composition root that chooses where keys are kept, and for how long. */
export function composePrivacy(
  { config, random, clock, logger }: ServiceContext<Config>,
  { pool, messaging }: { readonly pool: Pool; readonly messaging: Pick<Messaging, 'backlog'> },
): Required<Pick<CurationPorts, 'privacy' | 'expire'>> {
  const unreadSince = async (): Promise<Date | null> => {
    const { groups } = await messaging.backlog(GROUPS.curation.topic);
    const unread = groups.find(({ group }) => group === GROUPS.curation.group);
    return unread && unread.records > 0 ? new Date(clock.now() - unread.ageMs) : null;
  };
  return {
    privacy: {
      keys: new PostgresKeyStore(pool),
      master:
        config.masterKeyFile === undefined
          ? noMasterKeys('contracts in force classify fields: set MASTER_KEY_FILE')
          : createFileMasterKeys(config.masterKeyFile, random),
      dailyKeepDays: config.dailyKeysKeep / DAY_MS,
    },
    expire: (keys, signal) =>
      expire({ pool, keys, logger, unreadSince, keepMs: config.dailyKeysKeep, newId: v4 }, signal),
  };
}

/** What turning tokens back needs; its records are left in the outbox before there is an answer. */
export function revealProvider(deps: {
  readonly keys: KeyStore;
  readonly protections: Pick<Protections, 'lakeKeys'>;
  readonly clock: Clock;
  readonly outbox: Pick<TableOutbox, 'leave'>;
  readonly wake: () => void;
}): Provider {
  const parts: RevealParts = {
    keys: deps.keys,
    lakeKeys: () => deps.protections.lakeKeys(),
    audit: async (record) => {
      const id = v4();
      await deps.outbox.leave([{ id, topic: TOPICS.audit.name, body: { id, ...record } }]);
      deps.wake();
    },
    now: () => deps.clock.now(),
  };
  return { provide: REVEAL, useValue: parts };
}
