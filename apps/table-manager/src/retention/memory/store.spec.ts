import { MemoryCommitStore } from '../../commit/memory/store';
import { retentionStoreConformance } from '../../testing/retention-conformance';
import { MemoryRetentionStore } from './store';

retentionStoreConformance('memory', async () => {
  const commits = new MemoryCommitStore();
  const retention = new MemoryRetentionStore(commits, () => Date.parse('2026-03-01T00:00:00Z'));
  return { commits, retention, close: async () => undefined };
});
