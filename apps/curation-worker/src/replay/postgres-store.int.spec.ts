import { testDatabase } from '@millrace/postgres/testing';
import { v4 } from 'uuid';
import { PostgresLandingStore } from '../landing/postgres/store';
import { replayConformance } from '../landing/testing/replay-conformance';
import { MIGRATIONS } from '../testing/lake';
import { PostgresReplayStore } from './postgres-store';

replayConformance('postgres', async () => {
  const { pool, drop } = await testDatabase({ migrations: MIGRATIONS });
  return {
    store: new PostgresLandingStore(pool),
    replays: new PostgresReplayStore(pool, v4),
    rows: async () => {
      const { rows } = await pool.query(
        'SELECT id::int, status, reason, healed_as AS "healedAs" FROM curation_worker.quarantine ORDER BY id',
      );
      return rows;
    },
    close: drop,
  };
});
