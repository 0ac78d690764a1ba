import type { Pool } from '@millrace/postgres';
import type { TablesChanged } from '@millrace/topics';
import type { MartBuild } from './read-models';

const COMMIT = `
  INSERT INTO analytics_api.table_commit (line_id, number_to, number_from, catalog_version, tables, at)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`;

const BUILDS = `
  INSERT INTO analytics_api.mart_build (line_id, mart, partition, number, version, at)
  SELECT $1, mart, partition, number, version, $2
    FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS t(mart, partition, number, version) ORDER BY 2, 3, 4
  ON CONFLICT DO NOTHING`;

/** Each statement deletes a bounded number of rows; what positions are read from is not among them. */
const PRUNE_BATCHES = `
  DELETE FROM analytics_api.batch b USING (
    SELECT b.line_id, b.number FROM analytics_api.batch b JOIN analytics_api.line l USING (line_id)
     WHERE b.number <= l.number AND b.landed_at < $1 ORDER BY 1, 2 LIMIT $2) old
   WHERE b.line_id = old.line_id AND b.number = old.number`;

const PRUNE_COMMITS = `
  DELETE FROM analytics_api.table_commit c USING (
    SELECT line_id, number_to FROM analytics_api.table_commit WHERE at < $1 ORDER BY 1, 2 LIMIT $2) old
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
    for (const statement of [PRUNE_BATCHES, PRUNE_COMMITS, PRUNE_BUILDS]) {
      for (let count = PRUNED_AT_ONCE; count === PRUNED_AT_ONCE;) {
        count = (await this.pool.query(statement, [before, PRUNED_AT_ONCE])).rowCount ?? 0;
      }
    }
  }
}
