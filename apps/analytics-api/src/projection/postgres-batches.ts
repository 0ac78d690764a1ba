import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { BatchStaged } from '@millrace/topics';
import { addCounts } from '../conservation/add-counts';
import type { BatchPlace, LandedProgress } from './read-models';

type Queryable = Pick<PoolClient, 'query'>;

const INSERT = `
  INSERT INTO analytics_api.batch (line_id, number, batch_id, topic, partition, range_from, range_to, contracts_index, landed_at)
  SELECT m->>'lineId', (m->>'number')::bigint, (m->>'batchId')::bigint, m->>'topic', m->>'partition',
         (m->'range'->>'from')::bigint, (m->'range'->>'to')::bigint, (m->>'contractsIndex')::bigint, (m->>'landedAt')::timestamptz
    FROM unnest($1::jsonb[]) AS t(m) ORDER BY 1, 2
  ON CONFLICT DO NOTHING RETURNING number`;

const COUNTED = `
  INSERT INTO analytics_api.landed AS l (topic, partition, counted_to)
  SELECT topic, partition, max(upto) FROM unnest($1::text[], $2::text[], $3::bigint[]) AS t(topic, partition, upto)
   GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (topic, partition) DO UPDATE SET counted_to = GREATEST(l.counted_to, EXCLUDED.counted_to)`;

/** The numbers that follow the line's one by one, and what they cover of the input. */
const FOLLOW = `
  WITH following AS (
    SELECT number, topic, partition, range_to, number - row_number() OVER (ORDER BY number) AS before
      FROM (SELECT * FROM analytics_api.batch WHERE line_id = $1 AND number > $2 ORDER BY number LIMIT $3) b
  ), run AS (
    SELECT * FROM following WHERE before = $2
  ), covered AS (
    UPDATE analytics_api.landed l SET landed_to = GREATEST(l.landed_to, r.upto)
      FROM (SELECT topic, partition, max(range_to) AS upto FROM run WHERE range_to IS NOT NULL GROUP BY 1, 2) r
     WHERE l.topic = r.topic AND l.partition = r.partition
  )
  SELECT max(number) AS number, count(*) AS n FROM run`;

const FOLLOWED_AT_ONCE = 1_000;

/** The first commit that reaches the number holds it. Both tables are entered by an index. */
const PLACES = `
  SELECT b.line_id, b.number, b.batch_id, b.topic, b.partition, b.landed_at, c.catalog_version, c.tables, c.at
    FROM analytics_api.batch b
    LEFT JOIN LATERAL (SELECT * FROM analytics_api.table_commit c
                        WHERE c.line_id = b.line_id AND c.number_to >= b.number ORDER BY c.number_to LIMIT 1) c
      ON c.number_from <= b.number
   WHERE b.batch_id = ANY ($1::bigint[]) ORDER BY b.landed_at`;

const LINE = `(SELECT line_id FROM analytics_api.line WHERE $1::text IS NULL OR line_id = $1 ORDER BY line_id DESC LIMIT 1)`;

/** Landed batches in the service's own schema. */
export class PostgresBatches {
  constructor(private readonly pool: Pool) {}

  async countFates(batches: readonly BatchStaged[]): Promise<void> {
    for (const lineId of new Set(batches.map((batch) => batch.lineId))) {
      const some = batches.filter((batch) => batch.lineId === lineId);
      await transaction(this.pool, (client: PoolClient) => countLine(client, lineId, some));
    }
  }

  async progress(lineId: string | null, topic: string): Promise<LandedProgress> {
    const { rows } = await this.pool.query(
      `SELECT (SELECT number FROM analytics_api.line WHERE line_id = ${LINE}) AS number, l.partition, l.landed_to
         FROM (VALUES (1)) one LEFT JOIN analytics_api.landed l ON l.topic = $2`,
      [lineId, topic],
    );
    const known = rows.filter((row) => row.partition !== null);
    return {
      number: Number(rows[0].number ?? 0),
      landedTo: new Map(known.map((row) => [String(row.partition), Number(row.landed_to)])),
    };
  }

  async visibleTo(lineId: string | null, topic: string, number: number): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query(
      `SELECT l.partition, LEAST(l.landed_to, min(b.range_from)) AS upto
         FROM analytics_api.landed l
         LEFT JOIN analytics_api.batch b
           ON b.line_id = ${LINE} AND b.number > $3 AND b.topic = l.topic AND b.partition = l.partition
        WHERE l.topic = $2 GROUP BY l.partition, l.landed_to`,
      [lineId, topic, number],
    );
    return new Map(rows.map((row) => [String(row.partition), Number(row.upto)]));
  }

  async places(batchIds: readonly number[]): Promise<ReadonlyMap<number, BatchPlace>> {
    if (batchIds.length === 0) return new Map();
    const { rows } = await this.pool.query(PLACES, [batchIds]);
    return new Map(rows.map((row) => [Number(row.batch_id), toPlace(row)]));
  }
}

/** One transaction after another counts a line, so that what follows without a gap is known. */
async function countLine(client: Queryable, lineId: string, batches: readonly BatchStaged[]): Promise<void> {
  await client.query(`INSERT INTO analytics_api.line (line_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING`, [
    lineId,
  ]);
  const { rows } = await client.query(`SELECT number FROM analytics_api.line WHERE line_id = $1 FOR UPDATE`, [lineId]);
  let number = Number(rows[0].number);
  // What the line has passed is counted, though its batch may be forgotten.
  const unknown = batches.filter((batch) => batch.number > number);
  if (unknown.length === 0) return;
  const messages = unknown.map((batch) => JSON.stringify({ ...batch, files: undefined, counts: undefined }));
  const inserted = await client.query(INSERT, [messages]);
  const fresh = new Set(inserted.rows.map((row) => Number(row.number)));
  const counted = unknown.filter((batch) => fresh.delete(batch.number));
  await addCounts(
    client,
    counted.flatMap((batch) => batch.counts),
  );
  const ranged = counted.filter((batch) => batch.range !== null);
  if (ranged.length > 0) {
    const [topics, partitions] = [ranged.map((batch) => batch.topic), ranged.map((batch) => batch.partition)];
    await client.query(COUNTED, [topics, partitions, ranged.map((batch) => batch.range?.to)]);
  }
  for (let n = FOLLOWED_AT_ONCE; n === FOLLOWED_AT_ONCE;) {
    const followed = await client.query(FOLLOW, [lineId, number, FOLLOWED_AT_ONCE]);
    n = Number(followed.rows[0].n);
    if (n > 0) number = Number(followed.rows[0].number);
  }
  await client.query(`UPDATE analytics_api.line SET number = $2 WHERE line_id = $1`, [lineId, number]);
}

function toPlace(row: Record<string, unknown>): BatchPlace {
  const commit = {
    catalogVersion: Number(row.catalog_version),
    tables: row.tables as Record<string, number>,
    at: (row.at as Date | null)?.toISOString() ?? '',
  };
  return {
    lineId: String(row.line_id),
    number: Number(row.number),
    batchId: Number(row.batch_id),
    topic: String(row.topic),
    partition: String(row.partition),
    landedAt: (row.landed_at as Date).toISOString(),
    commit: row.catalog_version === null ? null : commit,
  };
}
