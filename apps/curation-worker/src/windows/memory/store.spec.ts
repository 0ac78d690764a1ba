import { MemoryLandingStore } from '../../landing/memory/store';
import { timeStoreConformance } from '../testing/conformance';
import { MemoryTimeStore } from './store';

timeStoreConformance('memory', async () => {
  const landing = new MemoryLandingStore();
  return { landing, time: new MemoryTimeStore(landing), close: async () => undefined };
});
