import { keyStoreConformance } from '../testing/conformance';
import { MemoryKeyStore } from './key-store';

keyStoreConformance('memory', async () => {
  let epoch = 0;
  return { store: new MemoryKeyStore(() => epoch++), keysEpoch: async () => epoch, close: async () => undefined };
});
