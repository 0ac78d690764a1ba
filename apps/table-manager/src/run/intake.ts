import type { Messaging } from '@millrace/messaging';
import { ConsumeLoop, jsonRecords } from '@millrace/messaging/loop';
import { type BatchStaged, GROUPS, type TablesChanged, TOPICS } from '@millrace/topics';
import type { CommitStore } from '../commit/commit-store';

export interface IntakeDeps {
  readonly messaging: Messaging;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly store: Pick<CommitStore, 'receive' | 'announce'>;
  readonly catalogVersion: () => number;
  readonly newId: () => string;
  readonly now: () => number;
  /** Batches are remembered; their messages are not acknowledged. */
  readonly received: () => Promise<void>;
  /** An answer is in the outbox. */
  readonly answered: () => void;
  readonly onError: (error: unknown) => void;
}

const RECEIVE_BATCHES_MAX = 200;

/** Remembers announced batches, to be committed in the order of their numbers. */
export function createIntake(deps: IntakeDeps): ConsumeLoop {
  const { messaging, sleep, store, newId, onError } = deps;
  return new ConsumeLoop({
    ...{ messaging, sleep, onError },
    subscribe: { ...GROUPS.tableManager, eventsMax: RECEIVE_BATCHES_MAX },
    handle: async (delivery) => {
      const batches = jsonRecords<BatchStaged>(delivery);
      const applied = await store.receive(batches);
      await deps.received();
      if (applied === null) return;
      const body = answerAgain(deps, batches[0].lineId, applied);
      await store.announce({ id: newId(), topic: TOPICS.tablesChanged.name, body });
      deps.answered();
    },
  });
}

/** A sender has missed what was said of its batch: everything up to the cursor is applied. */
const answerAgain = ({ catalogVersion, now }: IntakeDeps, lineId: string, number: number): TablesChanged => ({
  ...{ lineId, number, from: number + 1, catalogVersion: catalogVersion(), tables: {} },
  at: new Date(now()).toISOString(),
});
