import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import type { BatchStaged, TablesChanged } from '@millrace/topics';
import type { BatchPlace, ConservationRow, CountedRange, ReadModels } from './read-models';

type Queryable = Pick<PoolClient, 'query'>;

const ADD = `
  INSERT INTO analytics_api.conservation AS c (tenant, source, hour, received, landed, duplicate, quarantined)
  SELECT tenant, source, hour, sum(received), sum(landed), sum(duplicate), sum(quarantined)
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
         AS t(tenant, source, hour, received, landed, duplicate, quarantined)
   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant, source, hour) DO UPDATE
     SET received = c.received + EXCLUDED.received, landed = c.landed + EXCLUDED.landed,
         duplicate = c.duplicate + EXCLUDED.duplicate, quarantined = c.quarantined + EXCLUDED.quarantined`;

interface Delta {
  tenant: string;
  source: string;
  hour: string;
  received?: number;
  landed?: number;
  duplicate?: number;
  quarantined?: number;
}

async function add(client: Queryable, deltas: readonly Delta[]): Promise<void> {
  if (deltas.length === 0) return;
  const numbers = (key: 'received' | 'landed' | 'duplicate' | 'quarantined'): number[] =>
    deltas.map((d) => d[key] ?? 0);
  await client.query(ADD, [
    deltas.map((d) => d.tenant),
    deltas.map((d) => d.source),
    deltas.map((d) => d.hour),
    numbers('received'),
    numbers('landed'),
    numbers('duplicate'),
    numbers('quarantined'),
  ]);
}

/** The read models in the service's own schema. */
export class PostgresReadModels implements ReadModels {
  constructor(private readonly pool: Pool) {}

  async countReceived(range: CountedRange): Promise<void> {
    await transaction(this.pool, async (client: Queryable) => {
      await client.query(
        `INSERT INTO analytics_api.position (topic, partition, next) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        [range.topic, range.partition, range.from],
      );
      const moved = await client.query(
        `UPDATE analytics_api.position SET next = $4 WHERE topic = $1 AND partition = $2 AND next = $3`,
        [range.topic, range.partition, range.from, range.to],
      );
      if (moved.rowCount === 1) {
        await add(
          client,
          range.counts.map(({ count, ...key }) => ({ ...key, received: count })),
        );
        return;
      }
      const { rows } = await client.query(
        `SELECT next FROM analytics_api.position WHERE topic = $1 AND partition = $2`,
        [range.topic, range.partition],
      );
      // Counts belong to whole batches, and deliveries of headers hold whole batches: a range lies before the
      // position or begins at it. Anything else means that the log skipped something, which must not be counted over.
      if (Number(rows[0]?.next) < range.to) {
        throw new Error(
          `${range.topic}/${range.partition}: counted to ${rows[0]?.next}, was given [${range.from}, ${range.to})`,
        );
      }
    });
  }

  async receivedPosition(topic: string, partition: string): Promise<number | null> {
    return (await this.receivedPositions(topic)).get(partition) ?? null;
  }

  async receivedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query(`SELECT partition, next FROM analytics_api.position WHERE topic = $1`, [
      topic,
    ]);
    return new Map(rows.map((row) => [String(row.partition), Number(row.next)]));
  }

  async countFates(batches: readonly BatchStaged[]): Promise<void> {
    await transaction(this.pool, async (client: Queryable) => {
      const { rows } = await client.query(
        `INSERT INTO analytics_api.batch (line_id, number, batch_id, topic, partition, range_from, range_to, contracts_index, landed_at)
         SELECT m->>'lineId', (m->>'number')::bigint, (m->>'batchId')::bigint, m->>'topic', m->>'partition',
                (m->'range'->>'from')::bigint, (m->'range'->>'to')::bigint, (m->>'contractsIndex')::bigint, (m->>'landedAt')::timestamptz
           FROM unnest($1::jsonb[]) AS t(m) ORDER BY 1, 2
         ON CONFLICT DO NOTHING RETURNING line_id, number`,
        [batches.map((batch) => JSON.stringify({ ...batch, files: undefined, counts: undefined }))],
      );
      const fresh = new Set(rows.map((row) => `${row.line_id}/${row.number}`));
      const counted = batches.filter((batch) => fresh.delete(`${batch.lineId}/${batch.number}`));
      await add(
        client,
        counted.flatMap((batch) => batch.counts),
      );
    });
  }

  async recordCommit(commit: TablesChanged): Promise<void> {
    // An answer to a sender that missed an earlier message says nothing new.
    if (Object.keys(commit.tables).length === 0) return;
    await this.pool.query(
      `INSERT INTO analytics_api.table_commit (line_id, catalog_version, number_from, number_to, tables, rebuilt, at)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
      [
        commit.lineId,
        commit.catalogVersion,
        commit.from,
        commit.number,
        JSON.stringify(commit.tables),
        commit.rebuilt ? JSON.stringify(commit.rebuilt) : null,
        commit.at,
      ],
    );
  }

  async conservation(from: Date | null, to: Date | null): Promise<{ rows: ConservationRow[]; behind: boolean }> {
    return transaction(
      this.pool,
      async (client: Queryable) => {
        const { rows } = await client.query(
          `SELECT tenant, source, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS hour, received, landed, duplicate, quarantined
             FROM analytics_api.conservation
            WHERE ($1::timestamptz IS NULL OR hour >= $1) AND ($2::timestamptz IS NULL OR hour < $2)
            ORDER BY hour, source, tenant`,
          [from, to],
        );
        const { rows: late } = await client.query(
          `SELECT 1 FROM (SELECT topic, partition, max(range_to) AS upto FROM analytics_api.batch WHERE range_to IS NOT NULL GROUP BY 1, 2) b
             LEFT JOIN analytics_api.position p USING (topic, partition)
            WHERE coalesce(p.next, 0) < b.upto LIMIT 1`,
        );
        return { rows: rows.map(toConservationRow), behind: late.length > 0 };
      },
      { isolation: 'repeatable read' },
    );
  }

  async landedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    // Batches of a partition land in order, so the highest end is the end of a run without gaps.
    const { rows } = await this.pool.query(
      `SELECT partition, max(range_to) AS upto FROM analytics_api.batch WHERE topic = $1 AND range_to IS NOT NULL GROUP BY 1`,
      [topic],
    );
    return new Map(rows.map((row) => [String(row.partition), Number(row.upto)]));
  }

  async batch(batchId: number): Promise<BatchPlace | null> {
    const { rows } = await this.pool.query(
      `SELECT b.*, c.catalog_version, c.tables, c.at FROM analytics_api.batch b
         LEFT JOIN LATERAL (SELECT catalog_version, tables, at FROM analytics_api.table_commit c
                             WHERE c.line_id = b.line_id AND c.number_to >= b.number AND c.number_from <= b.number
                             ORDER BY c.catalog_version LIMIT 1) c ON true
        WHERE b.batch_id = $1 ORDER BY b.landed_at DESC LIMIT 1`,
      [batchId],
    );
    return rows[0] ? toBatchPlace(rows[0]) : null;
  }

  async martBuild(
    lineId: string,
    mart: string,
    partition: string,
    number: number,
  ): Promise<{ version: number; at: string } | null> {
    const { rows } = await this.pool.query(
      `SELECT tables->>$2 AS version, at FROM analytics_api.table_commit
        WHERE line_id = $1 AND (rebuilt->$2->>$3)::bigint >= $4 ORDER BY catalog_version LIMIT 1`,
      [lineId, mart, partition, number],
    );
    return rows[0] ? { version: Number(rows[0].version), at: (rows[0].at as Date).toISOString() } : null;
  }

  async committedPositions(topic: string): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.pool.query(
      `SELECT partition, max(range_to) AS upto FROM analytics_api.batch b
        WHERE topic = $1 AND range_to IS NOT NULL
          AND number <= (SELECT max(number_to) FROM analytics_api.table_commit c WHERE c.line_id = b.line_id)
        GROUP BY 1`,
      [topic],
    );
    return new Map(rows.map((row) => [String(row.partition), Number(row.upto)]));
  }

  async prune(before: Date): Promise<void> {
    // The newest batch of each partition and the newest commit stay: positions are read from them.
    await this.pool.query(
      `DELETE FROM analytics_api.batch b WHERE landed_at < $1
          AND EXISTS (SELECT 1 FROM analytics_api.batch n WHERE n.topic = b.topic AND n.partition = b.partition AND n.range_to > b.range_to)`,
      [before],
    );
    await this.pool.query(
      `DELETE FROM analytics_api.table_commit c WHERE at < $1
          AND number_to < (SELECT max(number_to) FROM analytics_api.table_commit n WHERE n.line_id = c.line_id)`,
      [before],
    );
  }

  async uncommitted(lineId: string): Promise<number> {
    const { rows } = await this.pool.query(
      `SELECT count(*) AS n FROM analytics_api.batch
        WHERE line_id = $1 AND number > coalesce((SELECT max(number_to) FROM analytics_api.table_commit WHERE line_id = $1), 0)`,
      [lineId],
    );
    return Number(rows[0].n);
  }
}

function toConservationRow(row: Record<string, unknown>): ConservationRow {
  const received = Number(row.received);
  const landed = Number(row.landed);
  const duplicate = Number(row.duplicate);
  const quarantined = Number(row.quarantined);
  return {
    tenant: String(row.tenant),
    source: String(row.source),
    hour: String(row.hour),
    received,
    landed,
    duplicate,
    quarantined,
    pending: received - landed - duplicate - quarantined,
  };
}

function toBatchPlace(row: Record<string, unknown>): BatchPlace {
  return {
    lineId: String(row.line_id),
    number: Number(row.number),
    batchId: Number(row.batch_id),
    topic: String(row.topic),
    partition: String(row.partition),
    range: row.range_to == null ? null : { from: Number(row.range_from), to: Number(row.range_to) },
    contractsIndex: Number(row.contracts_index),
    landedAt: (row.landed_at as Date).toISOString(),
    commit:
      row.catalog_version == null
        ? null
        : {
            catalogVersion: Number(row.catalog_version),
            tables: row.tables as Record<string, number>,
            at: (row.at as Date).toISOString(),
          },
  };
}
