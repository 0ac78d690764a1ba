import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import { keyStoreConformance } from '../testing/conformance';
import { PostgresKeyStore } from './key-store';

const migrations = [{ schema: 'curation_worker', dir: path.join(__dirname, '../../../prisma/migrations') }];

keyStoreConformance('postgres', async () => {
  const { pool, drop } = await testDatabase({ migrations });
  return {
    store: new PostgresKeyStore(pool),
    keysEpoch: async () => Number((await pool.query('SELECT keys_epoch FROM curation_worker.line')).rows[0].keys_epoch),
    close: () => drop(),
  };
});
