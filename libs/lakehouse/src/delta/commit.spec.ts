import { createMemoryStorage, type MemoryStorage } from '@millrace/storage/memory';
import { type Duck, openDuck } from '../duckdb';
import { CommitOutcomeUnknown, ConcurrentModification } from '../errors';
import { type FaultyStorage, faultyStorage } from '../testing';
import { DeltaTable } from '.';

describe('commit', () => {
  let duck: Duck;
  let memory: MemoryStorage;
  let faulty: FaultyStorage;
  /** Writes through the faulty storage. */
  let table: DeltaTable;
  /** Another writer, whose storage works. */
  let other: DeltaTable;
  beforeAll(async () => void (duck = await openDuck({ memoryLimitMb: 256, threads: 1 })));
  afterAll(() => duck.close());
  beforeEach(async () => {
    memory = createMemoryStorage();
    faulty = faultyStorage(memory);
    const options = { duck, checkpointInterval: 0 };
    const schema = [
      { name: 'id', type: 'long' },
      { name: 'p', type: 'string' },
    ];
    table = await DeltaTable.create(faulty, 't', { ...options, schema, partitionBy: ['p'] });
    other = await DeltaTable.open(memory, 't', options);
  });
  afterEach(() => memory.clear());

  const row = (id: number, p = 'a'): string => `SELECT ${id}::BIGINT AS id, '${p}' AS p`;
  /** As a newcomer reads it. */
  const ids = async (): Promise<unknown[]> => {
    const reader = await DeltaTable.open(memory, 't', { duck });
    return (await duck.query(`SELECT id FROM (${await reader.scanSql()}) ORDER BY id`)).map((r) => r.id);
  };
  const count = async (pattern: RegExp): Promise<number> => {
    let found = 0;
    for await (const object of memory.list('')) if (pattern.test(object.path)) found++;
    return found;
  };
  const dataFiles = (): Promise<number> => count(/\.parquet$/);
  const commits = (): Promise<number> => count(/_delta_log\/\d+\.json$/);

  describe('whose outcome is unclear', () => {
    it('is recognised when it had landed and only the answer was lost', async () => {
      faulty.faults.push('after');
      expect(await table.append(row(1))).toMatchObject({ outcome: 'committed', version: 1 });
      expect(await ids()).toEqual([1]);
      expect(await commits()).toBe(2);
      expect(await table.append(row(2))).toMatchObject({ version: 2 });
    });

    it('is made when it had not landed', async () => {
      faulty.faults.push('before', 'before', 'after');
      expect(await table.append(row(1))).toMatchObject({ outcome: 'committed', version: 1 });
      expect(await ids()).toEqual([1]);
    });

    it('goes to the next version when another writer came in between', async () => {
      faulty.faults.push('before', () => other.append(row(9)));
      expect(await table.append(row(1))).toMatchObject({ outcome: 'committed', version: 2 });
      expect(await ids()).toEqual([1, 9]);
    });

    it('keeps its files while nobody can tell, and is not made twice when repeated', async () => {
      const txn = { appId: 'line', version: 1 };
      faulty.faults.push('after');
      const get = faulty.get;
      faulty.get = async (path) => {
        if (/\d{20}\.json$/.test(path)) throw new Error('connection lost');
        return get(path);
      };
      await expect(table.append(row(1), { txn })).rejects.toThrow(CommitOutcomeUnknown);
      faulty.get = get;
      expect(await ids()).toEqual([1]);
      expect(await table.append(row(1), { txn })).toMatchObject({ outcome: 'skipped', version: 1 });
      expect(await ids()).toEqual([1]);
    });

    it('keeps its files when the store stays away, for the write may still arrive', async () => {
      const txn = { appId: 'line', version: 1 };
      faulty.faults.push(...Array.from({ length: 9 }, () => 'before' as const));
      await expect(table.append(row(1), { txn })).rejects.toThrow(CommitOutcomeUnknown);
      expect(await dataFiles()).toBe(1);
      faulty.faults.length = 0;
      expect(await table.append(row(1), { txn })).toMatchObject({ outcome: 'committed' });
      expect(await ids()).toEqual([1]);
    });

    it('is certain on a full disk that shows no commit: files go, the error is the disk', async () => {
      faulty.faults.push(...Array.from({ length: 9 }, () => 'full' as const));
      await expect(table.append(row(1))).rejects.toMatchObject({ code: 'STORAGE_FULL' });
      expect(await dataFiles()).toBe(0);
      expect(await commits()).toBe(1);
      faulty.faults.length = 0;
      await table.append(row(1));
      expect(await ids()).toEqual([1]);
    });
  });

  describe('that lost a race', () => {
    const meanwhile = (what: () => Promise<unknown>): void => void faulty.faults.push(what);

    it('appends after an append', async () => {
      meanwhile(async () => {
        await other.append(row(8));
        await other.append(row(9));
      });
      expect(await table.append(row(1))).toMatchObject({ version: 3 });
      expect(await ids()).toEqual([1, 8, 9]);
    });

    it('does not replace rows that it has not seen', async () => {
      await table.append(row(1));
      meanwhile(() => other.append(row(2)));
      await expect(table.replacePartitions('p', ['a'], row(100))).rejects.toMatchObject({
        name: 'ConcurrentModification',
        changed: 'rows',
        version: 2,
      });
      expect(await ids()).toEqual([1, 2]);
      expect(await dataFiles()).toBe(2);
    });

    it('replaces its partitions whatever happens to others', async () => {
      await table.append(`${row(1, 'a')} UNION ALL ${row(2, 'b')}`);
      meanwhile(() => other.replacePartitions('p', ['b'], row(3, 'b')));
      await table.replacePartitions('p', ['a'], row(100));
      expect(await ids()).toEqual([3, 100]);
    });

    it('lets one of two replacements of a partition win', async () => {
      await table.append(row(1));
      meanwhile(() => other.replacePartitions('p', ['a'], row(50)));
      await expect(table.replacePartitions('p', ['a'], row(100))).rejects.toThrow(ConcurrentModification);
      expect(await ids()).toEqual([50]);
    });

    it('replaces a partition that was only packed meanwhile', async () => {
      await table.append(row(1));
      await table.append(row(2));
      await other.refresh();
      meanwhile(() => other.optimize());
      expect(await table.replacePartitions('p', ['a'], row(100))).toMatchObject({
        outcome: 'committed',
        filesRemoved: 1,
      });
      expect(await ids()).toEqual([100]);
    });

    it('sees new rows behind a packing', async () => {
      await table.append(row(1));
      await table.append(row(2));
      await other.refresh();
      meanwhile(async () => {
        await other.optimize();
        await other.append(row(3));
      });
      await expect(table.replacePartitions('p', ['a'], row(100))).rejects.toMatchObject({ changed: 'rows' });
      expect(await ids()).toEqual([1, 2, 3]);
    });

    it('packs files while rows are appended', async () => {
      await table.append(row(1));
      await table.append(row(2));
      meanwhile(() => other.append(row(3)));
      expect(await table.optimize()).toMatchObject({ filesRemoved: 2, filesAdded: 1, conflicts: 0 });
      expect(await ids()).toEqual([1, 2, 3]);
    });

    it('gives up packing files that are gone, and brings no row back', async () => {
      await table.append(row(1));
      await table.append(row(2));
      meanwhile(() => other.replacePartitions('p', ['a'], row(100)));
      expect(await table.optimize()).toMatchObject({ filesRemoved: 0, conflicts: 1 });
      expect(await ids()).toEqual([100]);
    });

    it('lets one of two packings win', async () => {
      await table.append(row(1));
      await table.append(row(2));
      await other.refresh();
      meanwhile(() => other.optimize());
      expect(await table.optimize()).toMatchObject({ conflicts: 1 });
      expect(await ids()).toEqual([1, 2]);
    });

    it('appends old columns to a table that got a new one', async () => {
      meanwhile(() => other.append(`${row(2)}, 1 AS extra`, { mergeSchema: true }));
      expect(await table.append(row(1))).toMatchObject({ version: 2 });
      expect(await ids()).toEqual([1, 2]);
      expect(table.snapshot.fields.map((f) => f.name)).toEqual(['id', 'p', 'extra']);
    });

    it('adds its column beside one that was added meanwhile', async () => {
      meanwhile(() => other.addColumns([{ name: 'theirs', type: 'long' }]));
      await table.append(`${row(1)}, 1 AS ours`, { mergeSchema: true });
      expect(table.snapshot.fields.map((f) => f.name)).toEqual(['id', 'p', 'theirs', 'ours']);
      meanwhile(() => other.addColumns([{ name: 'third', type: 'long' }]));
      await table.addColumns([{ name: 'fourth', type: 'long' }]);
      expect(table.snapshot.fields.map((f) => f.name)).toEqual(['id', 'p', 'theirs', 'ours', 'third', 'fourth']);
      expect(await ids()).toEqual([1]);
    });

    it('is skipped when the winner was the same transaction', async () => {
      const txn = { appId: 'line', version: 4, expected: 0 };
      meanwhile(() => other.append(row(1), { txn }));
      expect(await table.append(row(1), { txn })).toMatchObject({ outcome: 'skipped', version: 1 });
      expect(await ids()).toEqual([1]);
      expect(await dataFiles()).toBe(1);
    });

    it('follows an earlier transaction of its line, and contradicts an overlapping one', async () => {
      meanwhile(() => other.append(row(1), { txn: { appId: 'line', version: 4 } }));
      await table.append(row(2), { txn: { appId: 'line', version: 6, expected: 4 } });
      meanwhile(() => other.append(row(3), { txn: { appId: 'line', version: 8 } }));
      const overlapping = table.append(row(4), { txn: { appId: 'line', version: 9, expected: 6 } });
      await expect(overlapping).rejects.toMatchObject({ code: 'TRANSACTION_CONTRADICTION' });
      expect(await ids()).toEqual([1, 2, 3]);
      expect(await dataFiles()).toBe(3);
    });
  });

  it('serves many at once through one table', async () => {
    await Promise.all(Array.from({ length: 25 }, (_, i) => table.append(row(i, `p${i % 3}`))));
    expect(table.version).toBe(25);
    expect(await ids()).toEqual(Array.from({ length: 25 }, (_, i) => i));
  });
});
