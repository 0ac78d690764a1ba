import path from 'node:path';
import { testDatabase } from '@millrace/postgres/testing';
import { createPostgresMessaging } from './index';

const migrations = [{ schema: 'log', dir: path.join(__dirname, 'migrations') }];

test('a member that died before the clock was set back keeps neither its partitions nor its share of them', async () => {
  const database = await testDatabase({ migrations });
  const open = () =>
    createPostgresMessaging({ url: database.url, applicationName: 'clock', leaseMs: 500, graceMs: 100 });
  const [dead, living] = [open(), open()];
  try {
    await dead.ensureTopic('t', { partitions: 2 });
    const lost = await dead.subscribe({ topic: 't', group: 'g' });
    expect([...lost.partitions()].sort()).toEqual(['0', '1']);
    await lost.close();
    // What a process that is killed leaves behind, by a clock that was an hour ahead.
    await database.pool.query(
      `INSERT INTO log.member (grp, member, alive_until) SELECT id, 'dead', now() + interval '1 hour' FROM log.consumer_group`,
    );
    await database.pool.query(`UPDATE log.position SET owner = 'dead', lease_until = now() + interval '1 hour'`);
    const taken = await living.subscribe({ topic: 't', group: 'g' });
    expect([...taken.partitions()].sort()).toEqual(['0', '1']);
  } finally {
    await living.close();
    await dead.close();
    await database.drop();
  }
});
