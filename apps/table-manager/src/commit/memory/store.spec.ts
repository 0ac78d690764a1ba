import { commitStoreConformance } from '../../testing/store-conformance';
import { MemoryCommitStore } from './store';

commitStoreConformance('memory', async () => ({ store: new MemoryCommitStore(), close: async () => undefined }));
