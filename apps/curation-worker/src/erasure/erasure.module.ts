import type { Provider } from '@nestjs/common';
import type { Duck } from '@millrace/lakehouse';
import type { Messaging } from '@millrace/messaging';
import type { Clock, Logger } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import { TOPICS } from '@millrace/topics';
import type { ContractsInForce } from '../contracts/in-force';
import type { KeyStore } from '../privacy/key-store';
import type { Opener } from '../privacy/opener';
import type { Protections } from '../privacy/protection';
import { ReplayLoop } from '../replay/loop';
import type { Timers } from '../worker/timers';
import { ERASURES, type ErasureParts } from './erasure.controller';
import { LakeSearch } from './lake-search';
import { PostgresErasureStore } from './postgres-store';
import { ErasureRunner } from './runner';

export interface ErasureDeps {
  readonly store: PostgresErasureStore;
  readonly keys: KeyStore;
  readonly storage: Storage;
  readonly duck: Duck;
  readonly messaging: Pick<Messaging, 'ends'>;
  readonly clock: Clock;
  readonly timers: Pick<Timers, 'sleep' | 'every'>;
  readonly logger: Logger;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly opener: Opener;
  readonly protections: Protections;
  readonly contracts: () => ContractsInForce | null;
  readonly refresh: () => Promise<void>;
  readonly leaseMs: number;
  readonly dailyKeepDays: number;
  readonly backupsKeepMs: number;
  readonly planBytesMax: number;
}

/** What erasures are made of: a loop that runs them, and the parts of their endpoints. */
export function createErasures(deps: ErasureDeps): { readonly loop: ReplayLoop; readonly providers: Provider[] } {
  const { store, keys, storage, duck, clock, logger, failpoint, opener, dailyKeepDays } = deps;
  const nowMs = (): number => clock.now();
  const lake = new LakeSearch({ storage, duck, clock, monotonicMs: () => performance.now() });
  const runner = new ErasureRunner({
    ...{ store, storage, lake, opener, failpoint, logger, nowMs, dailyKeepDays },
    timers: deps.timers,
    ...{ refresh: deps.refresh, leaseMs: deps.leaseMs, backupsKeepMs: deps.backupsKeepMs },
  });
  const loop = new ReplayLoop(runner, deps.timers, logger, 'erasures');
  const parts: ErasureParts = {
    store,
    plan: { store, keys, storage, lake, nowMs, dailyKeepDays, contracts: deps.contracts, bytesMax: deps.planBytesMax },
    lakeKeys: () => deps.protections.lakeKeys(),
    ends: () => deps.messaging.ends(TOPICS.eventsInbound.name),
    wake: () => loop.wake(),
  };
  return {
    loop,
    providers: [
      { provide: ERASURES, useValue: parts },
      { provide: PostgresErasureStore, useValue: store },
    ],
  };
}
