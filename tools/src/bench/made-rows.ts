import { startEmbedded } from '@millrace/postgres/embedded';
import { Client } from 'pg';
import { openDataFolder, passwordsOf } from '../start/data-folder';

export interface MadeRows {
  /** Events that the history stands for. */
  readonly events: number;
  /** Claims that are really there for them. */
  readonly claims: number;
}

const EVENTS_PER_BATCH = 6_000;
const EVENTS_PER_COMMIT = 20_000;
const DAYS = 365;
const FIRST_DAY = '2012-01-01';
const CLAIMS_PER_STATEMENT = 1_000_000;

/**
 * Claims of keys that nobody will ask for, spread over all keys and inserted in their order: at random places they would
 * take five times as long, and a hundred million of them an hour.
 */
const CLAIMS = `
  INSERT INTO curation_worker.claims (k, batch_id, fingerprint, keep_until)
  SELECT (lpad(to_hex(i * 4294967296 / $3::bigint), 8, '0') || lpad(to_hex(i), 8, '0') || '8000a00000000000')::uuid,
         1, 0, current_date + 30
    FROM generate_series($1::bigint, $2::bigint) AS i`;

/** Batches that landed before all others: their numbers and ids are below zero. $1: how many. */
const BATCHES = [
  `INSERT INTO curation_worker.manifest
     (batch_id, number, epoch, topic, partition, landed, duplicate, quarantined, message, landed_at, staged_deleted)
   SELECT -i, -i, m.epoch, m.topic, m.partition, ${EVENTS_PER_BATCH}, 0, 0, m.message, m.landed_at - i * interval '1 s', true
     FROM generate_series(1, $1::bigint) AS i,
          (SELECT * FROM curation_worker.manifest ORDER BY batch_id DESC LIMIT 1) AS m`,
  `INSERT INTO analytics_api.batch
     (line_id, number, batch_id, topic, partition, range_from, range_to, contracts_index, landed_at)
   SELECT b.line_id, -i, -i, b.topic, b.partition, NULL, NULL, b.contracts_index, b.landed_at - i * interval '1 s'
     FROM generate_series(1, $1::bigint) AS i, (SELECT * FROM analytics_api.batch ORDER BY number DESC LIMIT 1) AS b`,
  // What waits to be committed is gone once it is: so these are of a line that is not this lake's.
  `INSERT INTO table_manager.staged_batch (line_id, number, batch_id, message)
   SELECT 'made', i, -i, m.message::jsonb
     FROM generate_series(1, $1::bigint) AS i,
          (SELECT * FROM curation_worker.manifest ORDER BY batch_id DESC LIMIT 1) AS m`,
];

/** $1: how many commits. */
const COMMITS = `
  INSERT INTO analytics_api.table_commit (line_id, number_to, number_from, catalog_version, tables, at)
  SELECT c.line_id, -i, -i, -i, c.tables, c.at - i * interval '1 s'
    FROM generate_series(1, $1::bigint) AS i, (SELECT * FROM analytics_api.table_commit ORDER BY number_to DESC LIMIT 1) AS c`;

/** Partitions of earlier days, all of them built. */
const MARTS = [
  `INSERT INTO table_manager.mart_partition (mart, partition, touched, stale_from, built, built_at)
   SELECT p.mart, regexp_replace(p.partition, '\\d{4}-\\d\\d-\\d\\d', (DATE '${FIRST_DAY}' + i)::text), 1, 2, 1, now()
     FROM generate_series(0, ${DAYS - 1}) AS i,
          (SELECT DISTINCT ON (mart) mart, partition FROM table_manager.mart_partition ORDER BY mart, partition) AS p
   ON CONFLICT DO NOTHING`,
  `INSERT INTO analytics_api.mart_build (line_id, mart, partition, number, version, at)
   SELECT b.line_id, b.mart, regexp_replace(b.partition, '\\d{4}-\\d\\d-\\d\\d', (DATE '${FIRST_DAY}' + i)::text), 1, b.version, b.at
     FROM generate_series(0, ${DAYS - 1}) AS i,
          (SELECT DISTINCT ON (mart) * FROM analytics_api.mart_build ORDER BY mart, number DESC) AS b
   ON CONFLICT DO NOTHING`,
];

/** Everything that counts offsets of the topic goes on as many as its share of the events. $1: offsets a partition. */
const OFFSETS = [
  `UPDATE log.batch SET base = base + $1 WHERE topic = (SELECT id FROM log.topic WHERE name = 'events.inbound')`,
  `UPDATE log.head SET next = next + $1, start = start + $1
    WHERE topic = (SELECT id FROM log.topic WHERE name = 'events.inbound')`,
  `UPDATE log.position SET next = next + $1, taken_at = taken_at + $1
    WHERE grp IN (SELECT g.id FROM log.consumer_group g JOIN log.topic t ON t.id = g.topic WHERE t.name = 'events.inbound')`,
  `UPDATE curation_worker.position SET next = next + $1, suspect_to = suspect_to + $1 WHERE topic = 'events.inbound'`,
  `UPDATE analytics_api.position SET next = next + $1 WHERE topic = 'events.inbound'`,
  `UPDATE analytics_api.landed SET counted_to = counted_to + $1, landed_to = landed_to + $1 WHERE topic = 'events.inbound'`,
];

/** Puts the rows that such a history leaves behind into the databases of a Millrace that does not run. */
export async function addRows(dataDir: string, { events, claims }: MadeRows): Promise<void> {
  const folder = openDataFolder(dataDir);
  const postgres = await startEmbedded({ dataDir: folder.postgres });
  try {
    const password = passwordsOf(folder, ['postgres']).postgres;
    const client = new Client({ connectionString: postgres.url('millrace', { name: 'postgres', password }) });
    await client.connect();
    try {
      await insertAll(client, events, claims);
    } finally {
      await client.end();
    }
  } finally {
    await postgres.stop();
  }
}

async function insertAll(client: Client, events: number, claims: number): Promise<void> {
  const { rows } = await client.query(`SELECT count(*) AS partitions FROM log.head h JOIN log.topic t ON t.id = h.topic
    WHERE t.name = 'events.inbound'`);
  const offsets = Math.ceil(events / Number((rows[0] as { partitions: string }).partitions));
  await client.query('BEGIN');
  for (const text of OFFSETS) await client.query(text, [offsets]);
  await client.query('COMMIT');
  for (const text of BATCHES) await client.query(text, [Math.ceil(events / EVENTS_PER_BATCH)]);
  await client.query(COMMITS, [Math.ceil(events / EVENTS_PER_COMMIT)]);
  for (const text of MARTS) await client.query(text);
  for (let first = 0; first < claims; first += CLAIMS_PER_STATEMENT)
    await client.query(CLAIMS, [first, Math.min(claims, first + CLAIMS_PER_STATEMENT) - 1, claims]);
  await client.query('VACUUM ANALYZE');
}
