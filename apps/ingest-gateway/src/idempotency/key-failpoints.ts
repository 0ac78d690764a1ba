import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import type { IdempotencyStore } from './idempotency';

/** A store with the places after each of its steps; the store itself where nothing is planned. */
export function withKeyFailpoints(store: IdempotencyStore, failpoint: Failpoint<'ingest-gateway'>): IdempotencyStore {
  if (failpoint === noFailpoints) return store;
  return {
    async begin(id, requestHash) {
      const begun = await store.begin(id, requestHash);
      if (begun.outcome === 'first') await failpoint('key-taken');
      return begun;
    },
    async complete(id, turn, answer) {
      await store.complete(id, turn, answer);
      await failpoint('answer-kept');
    },
    async abandon(id, turn) {
      await store.abandon(id, turn);
      await failpoint('key-abandoned');
    },
    prune: () => store.prune(),
  };
}
