import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import { landingStoreConformance } from '../testing/conformance';
import { PostgresLandingStore } from './store';

const migrations = [{ schema: 'curation_worker', dir: path.join(__dirname, '../../../prisma/migrations') }];

landingStoreConformance('postgres', async () => {
  const database = await testDatabase({ migrations });
  return {
    store: new PostgresLandingStore(database.pool),
    quarantined: async () => {
      const { rows } = await database.pool.query(
        'SELECT reason, raw, event_id AS "eventId", headers, sealed_by AS "sealedBy" FROM curation_worker.quarantine ORDER BY id',
      );
      return rows;
    },
    landed: async () => {
      const { rows } = await database.pool.query(
        'SELECT number, batch_id, message FROM curation_worker.manifest ORDER BY number',
      );
      return rows.map((row) => ({ number: Number(row.number), batchId: Number(row.batch_id), message: row.message }));
    },
    close: () => database.drop(),
  };
});
