import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DUCKDB_MACROS, MARTS, martSql } from './index';

/** sqlglot parses SQL as BigQuery does and writes what it understood for DuckDB: a second opinion on portability. */
const PACKAGE = 'sqlglot==27.8.0';
const VENV = path.join(os.tmpdir(), 'millrace-engines', 'sqlglot-27.8.0');

function prepare(): string | null {
  const python = path.join(VENV, 'bin', 'python');
  if (existsSync(python)) return python;
  const draft = `${VENV}.${process.pid}`;
  try {
    mkdirSync(path.dirname(VENV), { recursive: true });
    execFileSync('python3', ['-m', 'venv', draft], { stdio: 'pipe' });
    execFileSync(path.join(draft, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', PACKAGE], { stdio: 'pipe' });
    renameSync(draft, VENV);
    return python;
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (process.env.CI) throw error;
    process.stderr.write(`sqlglot is not at hand (${(error as Error).message.split('\n')[0]}); nothing is compared\n`);
    return null;
  }
}

const TRANSLATE = `
import json, sys, sqlglot
print(json.dumps([sqlglot.transpile(s, read='bigquery', write='duckdb', error_level=sqlglot.ErrorLevel.RAISE)[0] for s in json.load(sys.stdin)]))
`;

const python = prepare();

(python ? describe : noPython)('the marts, read as BigQuery reads them', () => {
  let duck: DuckDBConnection;

  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await duck.run("SET TimeZone='UTC'");
    for (const macro of DUCKDB_MACROS) await duck.run(macro);
    await duck.run('SELECT setseed(0.5)');
    // Shipments with gaps, repeats, ties in time and drivers that come and go.
    await duck.run(`CREATE TABLE events AS
      SELECT 'e' || i AS event_id, 's' AS source, 't' || (i % 2) AS tenant_id, 'shipment' || CAST(random() * 200 AS INT) AS shipment_id,
        ['created', 'picked_up', 'in_transit', 'delivered', 'exception'][1 + CAST(random() * 4 AS INT)] AS status,
        DATE '2013-02-01' + CAST(random() * 3 AS INT) AS service_date, 'C' || CAST(random() * 3 AS INT) AS carrier_code,
        'F' || CAST(random() * 3 AS INT) AS facility_id, 'L' || CAST(random() * 3 AS INT) AS lane,
        CASE WHEN random() < 0.3 THEN NULL ELSE 'D' || CAST(random() * 9 AS INT) END AS driver_id,
        CAST(random() * 1000 AS BIGINT) AS distance_miles,
        TIMESTAMPTZ '2013-02-01 00:00:00+00' + INTERVAL 1 MINUTE * CAST(random() * 300 AS INT) AS event_time,
        TIMESTAMPTZ '2013-02-01 00:00:00+00' + INTERVAL 1 SECOND * CAST(random() * 20000 AS INT) AS eta,
        TIMESTAMPTZ '2013-02-01 00:00:00+00' + INTERVAL 1 SECOND * CAST(random() * 20000 AS INT) AS planned_pickup
      FROM range(5000) r(i)`);
  });
  afterAll(() => duck.closeSync());

  it.each([undefined, ['2013-02-02', '2013-02-03']])('give the same rows (partitions: %j)', async (partitions) => {
    const own = MARTS.map((mart) => martSql(mart, { sources: { 'clean.shipment_events': 'events' }, partitions }));
    const output = execFileSync(python ?? '', ['-c', TRANSLATE], { input: JSON.stringify(own), encoding: 'utf8' });
    const translated = JSON.parse(output) as string[];
    for (const [index, sql] of own.entries()) {
      const rows = async (query: string): Promise<unknown[]> => (await duck.runAndReadAll(query)).getRowObjectsJson();
      const other = translated[index];
      expect(other).not.toContain('unix_micros(');
      expect((await rows(sql)).length).toBeGreaterThan(10);
      expect(await rows(`((${sql}) EXCEPT ALL (${other})) UNION ALL ((${other}) EXCEPT ALL (${sql}))`)).toEqual([]);
    }
  });
});

function noPython(name: string, _tests: () => void): void {
  describe(name, () => it('are not compared without Python and its package', () => expect(python).toBeNull()));
}
