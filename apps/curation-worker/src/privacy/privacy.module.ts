import type { Messaging } from '@millrace/messaging';
import type { Pool } from '@millrace/postgres';
import { noMasterKeys } from '@millrace/privacy';
import { createFileMasterKeys } from '@millrace/privacy/filesystem';
import type { ServiceContext } from '@millrace/service';
import { GROUPS } from '@millrace/topics';
import type { Config } from '../config';
import type { CurationPorts } from '../worker/curation';
import { expire } from './expiry';
import { PostgresKeyStore } from './postgres/key-store';

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
    expire: (keys, signal) => expire({ pool, keys, logger, unreadSince, keepMs: config.dailyKeysKeep }, signal),
  };
}
