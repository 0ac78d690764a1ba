import type { ContractSet } from '@millrace/contracts';
import type { ObservationStore } from '../observation/port';
import { waitingReason } from './infer-types';
import type { InferenceSettings } from './settings';

export interface InferenceStatusDeps {
  readonly observations: ObservationStore;
  readonly settings: InferenceSettings;
  readonly contracts: { current(): ContractSet; reload(): Promise<void> };
  readonly now: () => number;
}

/** What a tenant is told of event types that no contract governs; the same by every process, leader or not. */
export async function inferenceStatus(deps: InferenceStatusDeps, tenant: string): Promise<unknown> {
  const { observations, settings, contracts, now } = deps;
  await contracts.reload();
  const set = contracts.current();
  const governed = set.contracts.flatMap(({ eventTypes }) => eventTypes);
  const book = await observations.inferred();
  const used = book.filter((entry) => entry.tenant === tenant).length;
  const rows = await observations.withoutContract(governed, tenant);
  const noted = new Set(book.map(({ eventType }) => eventType));
  return {
    policy: settings.unknownTypes,
    inferred: { used, limit: settings.inferredContractsMax },
    rows: rows.map((type) => {
      const { eventType, events, firstSeen } = type;
      const facts = { settings, used, noted: noted.has(eventType), nowMs: now(), contracts: set };
      const why =
        waitingReason(type, facts) ??
        'a contract is being made, or none can be: no payload with a value in a field came';
      return { eventType, events, firstSeen, why };
    }),
  };
}
