import type { Storage } from '@millrace/storage';
import { PostgresCommitStore } from '../commit/postgres-store';
import type { TableManager } from '../run/table-manager';
import { createRig, type Rig } from '../testing/rig';

let rig: Rig;
beforeEach(async () => (rig = await createRig()));
afterEach(() => rig.dispose());

async function commit(manager: TableManager, batches: number): Promise<void> {
  const store = new PostgresCommitStore(rig.database.pool);
  for (let i = 0; i < batches; i++) {
    await store.receive([await rig.line.batch({ rows: 0, fates: 1 })]);
    await manager.rounds.commit();
  }
}

test('a restart reads as much after many commits as after few', async () => {
  const counting = (): { storage: Storage; reads: () => number; listed: () => number } => {
    let reads = 0;
    let listed = 0;
    const { storage } = rig.lake;
    return {
      reads: () => reads,
      listed: () => listed,
      storage: {
        ...storage,
        get: (path) => (reads++, storage.get(path)),
        async *list(prefix, options) {
          for await (const object of storage.list(prefix, options)) {
            listed++;
            yield object;
          }
        },
      },
    };
  };
  const restart = async (): Promise<number> => {
    const counted = counting();
    const manager = rig.manager({ ports: { storage: counted.storage } });
    await manager.contracts.publish();
    await manager.catalog.adopt();
    await commit(manager, 1);
    await manager.tables.settled();
    return counted.reads() + counted.listed();
  };
  const clock = { now: () => performance.now() * 10_000 };
  const manager = rig.manager({ ports: { clock } });
  await manager.contracts.publish();
  await commit(manager, 105);
  await manager.tables.settled();
  const few = await restart();
  await commit(manager, 100);
  await manager.tables.settled();
  expect(await restart()).toBeLessThan(few * 1.5);
}, 90_000);
