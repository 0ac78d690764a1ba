import { testDatabase } from '@millrace/postgres/testing';
import { MIGRATIONS } from '../testing/rig';
import { commitStoreConformance } from '../testing/store-conformance';
import { PostgresCommitStore } from './postgres-store';

commitStoreConformance('postgres', async () => {
  const database = await testDatabase({ migrations: MIGRATIONS });
  return { store: new PostgresCommitStore(database.pool), close: () => database.drop() };
});
