import { type TestDatabase, testDatabase } from '@millrace/postgres/testing';
import { messagingConformance } from '../testing';
import { PostgresMessaging } from './engine';
import { MIGRATIONS_DIR } from './index';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrations: [{ schema: 'log', dir: MIGRATIONS_DIR }] });
});
afterAll(() => database.drop());

messagingConformance('postgres', async () => {
  const opened: PostgresMessaging[] = [];
  return {
    open: async ({ patient } = {}) => {
      const messaging = new PostgresMessaging({
        url: database.url,
        applicationName: 'conformance',
        leaseMs: patient ? 30_000 : 900,
        graceMs: 2_000,
        pollMs: 300,
        keepMs: 0,
        trimEveryMs: 0,
      });
      opened.push(messaging);
      return messaging;
    },
    crash: (messaging) => (messaging as PostgresMessaging).abandon(),
    // What a test left unacknowledged would be waited for.
    close: async () => void (await Promise.all(opened.map((messaging) => messaging.abandon()))),
  };
});
