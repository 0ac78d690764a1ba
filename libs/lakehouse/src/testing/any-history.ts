import fc from 'fast-check';
import { createMemoryStorage } from '@millrace/storage/memory';
import { DeltaTable } from '../delta';
import { type Duck, openDuck } from '../duckdb';

/** One step of a random history; `rows` is a SELECT that depends on the step's seed alone. */
type Step =
  | { kind: 'append' | 'appendWider'; seed: number; count: number }
  | { kind: 'replace'; seed: number; count: number; partitions: number[] }
  | { kind: 'overwrite'; seed: number; count: number }
  | { kind: 'optimize' | 'checkpoint' | 'vacuum' | 'reopen' | 'otherWriter' };

const seed = fc.integer({ min: 0, max: 1_000_000 });
const size = fc.integer({ min: 0, max: 60 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), seed, count: size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('appendWider' as const), seed, count: size }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      seed,
      count: size,
      partitions: fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('overwrite' as const), seed, count: size }) },
  ...(['optimize', 'checkpoint', 'vacuum', 'reopen', 'otherWriter'] as const).map((kind) => ({
    weight: 2,
    arbitrary: fc.constant({ kind }),
  })),
);

const PARTITION = `CASE hash(i + 1) % 5 WHEN 4 THEN NULL ELSE 'p/' || (hash(i + 1) % 5) END`;
const partitionName = (n: number): string | null => (n === 4 ? null : `p/${n}`);

/** Compares a table with a plain one after each step of so many random histories, for each way to partition it. */
export function describeAnyHistory(numRuns: number): void {
  describe('a table after any history', () => {
    let duck: Duck;
    beforeAll(async () => void (duck = await openDuck({ memoryLimitMb: 256, threads: 1, connectionsMax: 2 })));
    afterAll(() => duck.close());

    const select = (from: number, count: number): string =>
      `SELECT i::BIGINT AS id, 'v' || hash(i) AS v, (i * 0.25)::DECIMAL(12, 2) AS n, ${PARTITION} AS p,
       TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((hash(i) % 1000000000000)::BIGINT) AS ts
     FROM range(${from}, ${from + count}) t(i)`;

    it.each([[[]], [['p']]])('holds what a plain table holds, partitioned by %p', async (partitionBy) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 18 }), (steps) => run(steps, partitionBy)),
        { numRuns },
      );
    });

    async function run(steps: readonly Step[], partitionBy: string[]): Promise<void> {
      const storage = createMemoryStorage();
      const model = await duck.connect();
      try {
        await model.query(
          'CREATE OR REPLACE TEMP TABLE m (id BIGINT, v VARCHAR, n DECIMAL(12, 2), p VARCHAR, ts TIMESTAMPTZ)',
        );
        const options = { duck, checkpointInterval: 3 };
        const schema = [
          { name: 'id', type: 'long' },
          { name: 'v', type: 'string' },
          { name: 'n', type: 'decimal(12,2)' },
          { name: 'p', type: 'string' },
          { name: 'ts', type: 'timestamp' },
        ];
        let table = await DeltaTable.create(storage, 't', { ...options, schema, partitionBy });
        let wider = 0;
        const past: { version: number; digest: unknown }[] = [];
        for (const s of steps) {
          switch (s.kind) {
            case 'append':
              await table.append(select(s.seed, s.count));
              await model.query(`INSERT INTO m BY NAME ${select(s.seed, s.count)}`);
              break;
            case 'appendWider': {
              const more = `SELECT *, 'new' AS extra${++wider} FROM (${select(s.seed, s.count)})`;
              await table.append(more, { mergeSchema: true });
              await model.query(`ALTER TABLE m ADD COLUMN extra${wider} VARCHAR`);
              await model.query(`INSERT INTO m BY NAME ${more}`);
              break;
            }
            case 'replace': {
              if (partitionBy.length === 0) break;
              const names = s.partitions.map(partitionName);
              const within = names.map((n) => (n === null ? 'p IS NULL' : `p = '${n}'`)).join(' OR ');
              const rows = `SELECT * FROM (${select(s.seed, s.count)}) WHERE ${within}`;
              await table.replacePartitions('p', names, rows);
              await model.query(`DELETE FROM m WHERE ${within}`);
              await model.query(`INSERT INTO m BY NAME ${rows}`);
              break;
            }
            case 'overwrite':
              await table.overwrite(select(s.seed, s.count));
              await model.query('DELETE FROM m');
              await model.query(`INSERT INTO m BY NAME ${select(s.seed, s.count)}`);
              break;
            case 'optimize':
              await table.optimize();
              break;
            case 'checkpoint':
              await table.checkpoint();
              break;
            case 'vacuum':
              await table.settled();
              await table.vacuum({ retentionMs: -1, force: true });
              past.length = 0;
              break;
            case 'reopen':
              await table.settled();
              table = await DeltaTable.open(storage, 't', options);
              break;
            case 'otherWriter': {
              const other = await DeltaTable.open(storage, 't', options);
              await other.append(select(7, 3));
              await other.settled();
              await model.query(`INSERT INTO m BY NAME ${select(7, 3)}`);
              await table.refresh();
              break;
            }
          }
          await compare(table);
          past.push({ version: table.version, digest: await digest(await table.scanSql()) });
        }
        await table.settled();
        const fresh = await DeltaTable.open(storage, 't', options);
        await compare(fresh);
        for (const { version, digest: then } of past) {
          expect([version, await digest(await fresh.scanSql(await fresh.at({ version })))]).toEqual([version, then]);
        }
      } finally {
        model.close();
        storage.clear();
      }

      async function compare(table: DeltaTable): Promise<void> {
        const [found] = await model.query(`WITH g AS (${await table.scanSql()})
        SELECT (SELECT count(*) FROM (FROM g EXCEPT ALL FROM m)) AS extra,
               (SELECT count(*) FROM (FROM m EXCEPT ALL FROM g)) AS missing, (SELECT count(*) FROM m) AS n`);
        expect(found).toMatchObject({ extra: 0, missing: 0 });
        expect(table.snapshot.rows).toBe(found.n);
        // What pruning leaves must hold every row that a filter wants.
        const low = '2026-01-03T10:00:00.000Z';
        const high = '2026-01-08T00:00:00.000Z';
        const where = `ts BETWEEN TIMESTAMPTZ '${low}' AND TIMESTAMPTZ '${high}' AND p = 'p/1' AND id < 500000`;
        const ranges = { ts: { min: low, max: high }, p: { values: ['p/1'] }, id: { max: 499_999 } };
        const files = table.prune(table.snapshot, ranges);
        const count = async (sql: string): Promise<unknown> =>
          (await model.query(`SELECT count(*) AS n FROM (${sql}) WHERE ${where}`))[0].n;
        expect(await count(await table.scanSql(table.snapshot, { files }))).toBe(await count('FROM m'));
      }
    }

    async function digest(sql: string): Promise<unknown> {
      const [row] = await duck.query(`SELECT count(*) AS n, bit_xor(hash(id, v, n, p, ts)) AS h FROM (${sql})`);
      return row;
    }
  });
}
