import type { Pool } from '@millrace/postgres';
import type { TablesChanged } from '@millrace/topics';
import type { BatchesKnown, MartBuild } from './read-models';

const COMMIT = `
  INSERT INTO analytics_api.table_commit (line_id, number_to, number_from, catalog_version, tables, at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

const BUILDS = `
  INSERT INTO analytics_api.mart_build (line_id, mart, partition, number, version, at)
  SELECT $1, mart, partition, number, version, $2
    FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS t(mart, partition, number, version) ORDER BY 2, 3, 4
  ON CONFLICT DO NOTHING`;

/** The newest commit of a time, and the next one, which tells whether one between them is not known yet. */
const HELD = `
  SELECT held.number_to AS held, next.number_from AS next, l.number AS line
    FROM (VALUES (1)) one
    LEFT JOIN analytics_api.line l ON l.line_id = $1
    LEFT JOIN LATERAL (SELECT number_to FROM analytics_api.table_commit WHERE line_id = $1 AND at <= $2
                        ORDER BY number_to DESC LIMIT 1) held ON TRUE
    LEFT JOIN LATERAL (SELECT number_from FROM analytics_api.table_commit
                        WHERE line_id = $1 AND number_to > COALESCE(held.number_to, 0) ORDER BY number_to LIMIT 1) next ON TRUE`;

/** Workers take ids in blocks: an idle one lands under an old id. Such are few, a block for each worker at most. */
const BATCHES_UP_TO = `
  WITH upto AS MATERIALIZED (
    SELECT batch_id FROM analytics_api.batch WHERE line_id = $1 AND number <= $2 ORDER BY batch_id DESC LIMIT 1)
  SELECT upto.batch_id AS upto,
         ARRAY(SELECT b.batch_id FROM analytics_api.batch b
                WHERE b.line_id = $1 AND b.number > $2 AND b.batch_id < upto.batch_id ORDER BY 1)::text[] AS later
    FROM upto`;

const LAST_BATCHES = `SELECT line_id, max(batch_id) AS last FROM analytics_api.batch WHERE landed_at < $1 GROUP BY 1`;
const LAST_COMMITS = `SELECT line_id, max(number_to) AS last FROM analytics_api.table_commit WHERE at < $1 GROUP BY 1`;
const isLast = (line: string, id: string): string =>
  `EXISTS (SELECT 1 FROM unnest($3::text[], $4::bigint[]) AS k(line_id, last) WHERE k.line_id = ${line} AND k.last = ${id})`;

/** Each statement deletes a bounded number of rows; what positions are read from is not among them. */
const PRUNE_BATCHES = `
  DELETE FROM analytics_api.batch b USING (
    SELECT b.line_id, b.number FROM analytics_api.batch b JOIN analytics_api.line l USING (line_id)
     WHERE b.number <= l.number AND b.landed_at < $1 AND NOT ${isLast('b.line_id', 'b.batch_id')} ORDER BY 1, 2 LIMIT $2) old
   WHERE b.line_id = old.line_id AND b.number = old.number`;

const PRUNE_COMMITS = `
  DELETE FROM analytics_api.table_commit c USING (
    SELECT o.line_id, o.number_to FROM analytics_api.table_commit o
     WHERE o.at < $1 AND NOT ${isLast('o.line_id', 'o.number_to')} ORDER BY 1, 2 LIMIT $2) old
   WHERE c.line_id = old.line_id AND c.number_to = old.number_to`;

/** A partition at rest keeps its newest build; of one that is built all the time the last hours are known exactly. */
const PRUNE_BUILDS = `
  DELETE FROM analytics_api.mart_build b USING (
    SELECT o.line_id, o.mart, o.partition, o.number FROM analytics_api.mart_build o
     WHERE o.at < GREATEST($1::timestamptz, now() - interval '6 hours')
       AND EXISTS (SELECT 1 FROM analytics_api.mart_build n
                    WHERE n.line_id = o.line_id AND n.mart = o.mart AND n.partition = o.partition AND n.number > o.number)
     LIMIT $2) old
   WHERE b.line_id = old.line_id AND b.mart = old.mart AND b.partition = old.partition AND b.number = old.number`;

const PRUNED_AT_ONCE = 5_000;

/** Commits and builds of table-manager in the service's own schema. */
export class PostgresCommits {
  constructor(private readonly pool: Pool) {}

  async recordCommit({ lineId, number, from, catalogVersion, tables, rebuilt, at }: TablesChanged): Promise<void> {
    if (rebuilt) {
      const rows = Object.entries(rebuilt).flatMap(([mart, partitions]) =>
        Object.entries(partitions).map(([partition, built]) => ({ mart, partition, built, version: tables[mart] })),
      );
      const [marts, partitions] = [rows.map((row) => row.mart), rows.map((row) => row.partition)];
      await this.pool.query(BUILDS, [
        lineId,
        at,
        marts,
        partitions,
        rows.map((r) => r.built),
        rows.map((r) => r.version),
      ]);
      return;
    }
    // An answer to a sender that missed an earlier message says nothing new. A commit without rows does.
    if (from > number) return;
    await this.pool.query(COMMIT, [lineId, number, from, catalogVersion, JSON.stringify(tables), at]);
  }

  async martBuild(lineId: string, mart: string, partition: string, number: number): Promise<MartBuild | null> {
    const { rows } = await this.pool.query(
      `SELECT version, at FROM analytics_api.mart_build
        WHERE line_id = $1 AND mart = $2 AND partition = $3 AND number >= $4 ORDER BY number LIMIT 1`,
      [lineId, mart, partition, number],
    );
    return rows[0] ? { version: Number(rows[0].version), at: (rows[0].at as Date).toISOString() } : null;
  }

  async prune(before: Date): Promise<void> {
    for (const [statement, lasts] of [
      [PRUNE_BATCHES, LAST_BATCHES],
      [PRUNE_COMMITS, LAST_COMMITS],
      [PRUNE_BUILDS, null],
    ] as const) {
      const kept = lasts === null ? [] : await this.lasts(lasts, before);
      for (let count = PRUNED_AT_ONCE; count === PRUNED_AT_ONCE;) {
        count = (await this.pool.query(statement, [before, PRUNED_AT_ONCE, ...kept])).rowCount ?? 0;
      }
    }
  }

  async batchesKnownAt(lineId: string, at: Date, upTo: number): Promise<BatchesKnown | 'behind' | 'forgotten'> {
    const [found] = (await this.pool.query(HELD, [lineId, at])).rows;
    const number = Number(found.held ?? 0);
    if (Number(found.line ?? 0) < Math.max(upTo, number)) return 'behind';
    if (found.next === null) {
      if (number < upTo) return 'behind';
    } else if (Number(found.next) !== number + 1) {
      return found.held === null ? 'forgotten' : 'behind';
    }
    if (number === 0) return { number, upTo: -1, except: [] };
    const [ids] = (await this.pool.query(BATCHES_UP_TO, [lineId, number])).rows;
    if (!ids) return 'forgotten';
    return { number, upTo: Number(ids.upto), except: (ids.later as string[]).map(Number) };
  }

  /** Lines, and what stays of each. */
  private async lasts(statement: string, before: Date): Promise<[string[], string[]]> {
    const { rows } = await this.pool.query(statement, [before]);
    return [rows.map((row) => String(row.line_id)), rows.map((row) => String(row.last))];
  }
}
