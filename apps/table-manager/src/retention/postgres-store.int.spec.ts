import { testDatabase } from '@millrace/postgres/testing';
import { PostgresCommitStore } from '../commit/postgres-store';
import { retentionStoreConformance } from '../testing/retention-conformance';
import { MIGRATIONS } from '../testing/rig';
import { PostgresRetentionStore } from './postgres-store';

retentionStoreConformance('postgres', async () => {
  const database = await testDatabase({ migrations: MIGRATIONS });
  return {
    commits: new PostgresCommitStore(database.pool),
    retention: new PostgresRetentionStore(database.pool),
    close: () => database.drop(),
  };
});
