import { landingStoreConformance } from '../testing/conformance';
import { MemoryLandingStore } from './store';

landingStoreConformance('memory', async () => {
  const store = new MemoryLandingStore();
  return {
    store,
    quarantined: async () => store.state.quarantine,
    landed: async () => [...store.state.manifests.values()].sort((a, b) => a.number - b.number),
    close: async () => undefined,
  };
});
