import fc from 'fast-check';
import { testDatabase, type TestDatabase } from './testing';
import { unnest } from './unnest';
import { uuidArrayParam } from './uuid-array';

describe('array parameters', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await testDatabase();
  });
  afterAll(() => database.drop());

  const hex = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'));

  it('a uuid array arrives as it was, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hex, { maxLength: 50 }), async (hexes) => {
        const { rows } = await database.pool.query(
          `SELECT coalesce(array_agg(replace(u::text, '-', '') ORDER BY n), '{}') AS back FROM unnest($1::uuid[]) WITH ORDINALITY AS t (u, n)`,
          [uuidArrayParam(hexes)],
        );
        expect(rows[0].back).toEqual(hexes);
      }),
      { numRuns: 40 },
    );
  });

  it('hyphens and capitals are read, anything else is refused by name', () => {
    const plain = uuidArrayParam(['00112233445566778899aabbccddeeff']);
    expect(uuidArrayParam(['00112233-4455-6677-8899-AABBCCDDEEFF']).equals(plain)).toBe(true);
    for (const bad of ['', 'zz112233445566778899aabbccddeeff', '00112233445566778899aabbccddee', '0'.repeat(33)]) {
      expect(() => uuidArrayParam([bad])).toThrow(RangeError);
    }
  });

  it('rows go in as one statement, whatever they hold', async () => {
    const row = fc.record({
      id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      name: fc.option(
        fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0')),
        { nil: undefined },
      ),
      bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      json: fc.jsonValue().filter((v) => !JSON.stringify(v).includes('\\u0000')),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
        const { sql, values } = unnest(rows, [
          { name: 'id', type: 'bigint', value: (r) => r.id },
          { name: 'name', type: 'text', value: (r) => r.name },
          { name: 'by"tes', type: 'bytea', value: (r) => r.bytes },
          { name: 'json', type: 'json', value: (r) => r.json },
        ]);
        const back = await database.pool.query(`SELECT * FROM ${sql}`, values);
        expect(back.rows).toEqual(
          rows.map((r) => ({
            id: String(r.id),
            name: r.name ?? null,
            'by"tes': r.bytes,
            json: JSON.parse(JSON.stringify(r.json)),
          })),
        );
      }),
      { numRuns: 40 },
    );
  });
});
