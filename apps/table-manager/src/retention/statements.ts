/** Of those who move it at once one does. */
export const HORIZON = `SELECT at, moved_at FROM table_manager.retention_horizon WHERE id = 1`;
export const MOVE_HORIZON = `
  INSERT INTO table_manager.retention_horizon AS h (id, at, moved_at) VALUES (1, $1, $2)
  ON CONFLICT (id) DO UPDATE SET at = EXCLUDED.at, moved_at = EXCLUDED.moved_at WHERE h.moved_at IS NOT DISTINCT FROM $3`;

const COLUMNS = 'id, seq, table_id, decided_at, terms, files, rows, file_count, bytes, version, done_at';

export const PLANNED = `
  SELECT ${COLUMNS} FROM table_manager.retention_removal WHERE status = 'planned' ORDER BY seq`;

/** In the order in which commits lock them. */
export const LOCK_PARTITIONS = `
  SELECT p.mart, p.partition, p.frozen_at IS NULL AND (p.touched > p.built OR p.asked > p.answered) AS stale
    FROM table_manager.mart_partition p
    JOIN unnest($1::text[], $2::text[]) AS t(mart, partition) USING (mart, partition)
   ORDER BY p.mart, p.partition FOR UPDATE OF p`;

/**
 * Nothing where another removal of the table is planned. Above what the table's log has: a database that was restored
 * from a backup would give out numbers again.
 */
export const PLAN = `
  INSERT INTO table_manager.retention_removal (id, table_id, decided_at, terms, files, rows, file_count, bytes, seq)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, GREATEST($9::bigint, coalesce(max(seq), 0)) + 1
    FROM table_manager.retention_removal WHERE table_id = $2
  ON CONFLICT DO NOTHING RETURNING seq`;

/** What was never touched is frozen as well: rows were there, whoever counted them. */
export const FREEZE = `
  INSERT INTO table_manager.mart_partition AS p (mart, partition, touched, stale_from, frozen_at, frozen_by, frozen_touched, frozen_asked)
  SELECT mart, partition, 0, 0, clock_timestamp(), $3, 0, 0 FROM unnest($1::text[], $2::text[]) AS t(mart, partition) ORDER BY 1, 2
  ON CONFLICT (mart, partition) DO UPDATE
     SET frozen_at = EXCLUDED.frozen_at, frozen_by = EXCLUDED.frozen_by, frozen_touched = p.touched, frozen_asked = p.asked
   WHERE p.frozen_at IS NULL`;

export const ABANDON = `
  UPDATE table_manager.retention_removal SET status = 'abandoned', files = NULL WHERE id = $1 AND status = 'planned'`;

export const DONE = `
  UPDATE table_manager.retention_removal
     SET status = 'done', files = NULL, version = $2, done_at = clock_timestamp() WHERE id = $1 AND status = 'planned'`;

export const HISTORY = `
  SELECT ${COLUMNS} FROM table_manager.retention_removal
   WHERE table_id = $1 AND status = 'done' ORDER BY seq DESC LIMIT $2`;

const LATE = '(touched > frozen_touched OR asked > frozen_asked)';

export const FROZEN_COUNTS = `
  SELECT mart, count(*) AS frozen, count(*) FILTER (WHERE ${LATE}) AS late
    FROM table_manager.mart_partition WHERE frozen_at IS NOT NULL GROUP BY mart ORDER BY mart`;

export const FROZEN = `
  SELECT partition, frozen_at, ${LATE} AS late FROM table_manager.mart_partition
   WHERE mart = $1 AND frozen_at IS NOT NULL ORDER BY partition DESC LIMIT $2`;
