import { MemoryLandingStore } from '../landing/memory/store';
import { replayConformance } from '../landing/testing/replay-conformance';
import { MemoryReplayStore } from './memory-store';

replayConformance('memory', async () => {
  const store = new MemoryLandingStore();
  return {
    store,
    replays: new MemoryReplayStore(store),
    rows: async () =>
      store.state.quarantine.map(({ id, status, reason, healedAs }) => ({ ...{ id, status, reason, healedAs } })),
    close: async () => undefined,
  };
});
