import { testDatabase, type TestDatabase } from '@millrace/postgres/testing';
import { QuarantineReader } from '../quarantine/quarantine-store';
import { MIGRATIONS } from '../testing/lake';
import { FailedEvents } from './failed-events';

const ROWS = 100_000;

/** As landings leave them: rows, and counters that have not been added up everywhere. */
const FILL = `
  INSERT INTO curation_worker.quarantine
         (group_id, reason, rule, path, group_rule, group_path, event_type, event_id, tenant, source, accepted_at, topic,
          partition, "offset", batch_id, last_batch_id, raw_part, raw_line, headers, raw, ingestion_id)
  SELECT lpad(to_hex(n % 200), 16, '0'), 'dead_letter', 'a rule', '$', 'a rule', '$', 'order.created', 'e' || n,
         CASE WHEN n % 10 = 0 THEN 'another' ELSE 'default' END, 'source-' || n % 5, now(), 'events.inbound', '0', n, n / 1000,
         n / 1000, 'raw/part', n, '{"format": "event"}', convert_to(repeat('x', 600), 'UTF8'), 'r'
    FROM generate_series(1, ${ROWS}) n;
  INSERT INTO curation_worker.quarantine_count (tenant, group_id, source, reason, rule, path, open, total)
  SELECT tenant, group_id, source, min(reason), min(rule), min(path), count(*), count(*)
    FROM curation_worker.quarantine GROUP BY tenant, group_id, source, batch_id;
  ANALYZE curation_worker.quarantine; ANALYZE curation_worker.quarantine_count`;

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ migrations: MIGRATIONS });
  await database.pool.query(FILL);
});
afterAll(() => database.drop());

/** What a call asks the database, and by which plans it is answered. */
async function plansOf(
  call: (pool: { query: (text: string, values: unknown[]) => Promise<never> }) => Promise<unknown>,
) {
  const plans: string[] = [];
  await call({
    query: async (text, values) => {
      const { rows } = await database.pool.query(`EXPLAIN (ANALYZE, TIMING OFF) ${text}`, values);
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return (await database.pool.query(text, values)) as never;
    },
  });
  return plans.join('\n');
}

test('dead letters are grouped from counters, and paged by index, however many there are', async () => {
  const groups = await plansOf((pool) => new QuarantineReader(pool as never).groups('default', 500));
  expect(groups).not.toMatch(/Seq Scan on quarantine\b/);
  for (const page of [1, 2_250, 4_500]) {
    const plan = await plansOf((pool) => new FailedEvents(pool as never).page('default', page, 20));
    expect(plan).not.toMatch(/Seq Scan on quarantine\b/);
    // No page is further from an end than half of all.
    const scanned = [...plan.matchAll(/Index[^\n]* on quarantine\b[^\n]*actual rows=(\d+)/g)].map(([, rows]) =>
      Number(rows),
    );
    expect(scanned.length).toBeGreaterThan(0);
    expect(Math.max(...scanned)).toBeLessThanOrEqual(ROWS / 2 + 20);
  }
});

test('counters that are added up say the same', async () => {
  const reader = new QuarantineReader(database.pool);
  const shown = async () => (await reader.groups('default', 500)).map(({ samples: _, ...group }) => group);
  const before = await shown();
  expect(before.reduce((sum, { count }) => sum + count, 0)).toBe(ROWS * 0.9);
  await reader.compact(new AbortController().signal);
  const { rows } = await database.pool.query('SELECT count(*)::int AS n FROM curation_worker.quarantine_count');
  expect(rows[0].n).toBeLessThan(250);
  expect(await shown()).toEqual(before);
  const total = (await new FailedEvents(database.pool).page('default', 1, 1)).total;
  expect(total).toBe(ROWS * 0.9);
});
