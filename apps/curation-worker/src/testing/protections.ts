import { systemClock, systemRandom } from '@millrace/observability';
import type { MasterKeys } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import type { Storage } from '@millrace/storage';
import type { KeyStore } from '../privacy/key-store';
import { MemoryKeyStore } from '../privacy/memory/key-store';
import { Protections } from '../privacy/protection';

/** Keys of tests, which outlive each worker of a process. */
export const testMaster: MasterKeys = createMemoryMasterKeys(systemRandom);

export const testProtections = (storage: Storage, keys: KeyStore = new MemoryKeyStore()): Protections =>
  new Protections({
    ...{ storage, keys, master: testMaster, clock: systemClock, random: systemRandom },
    dailyKeepDays: 30,
  });
