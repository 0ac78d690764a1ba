/** One line a database: the first batch of all names it. */
export const NAME_LINE = `
  INSERT INTO table_manager.cursor (line_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING`;

/**
 * Shared with other receivers, exclusive of `ADVANCE`: whether a number lies beyond the cursor holds until the batch is
 * remembered.
 */
export const LOCK_PROGRESS = `SELECT line_id, number FROM table_manager.cursor FOR SHARE`;

export const PROGRESS = `SELECT line_id, number, planned_to FROM table_manager.cursor`;

/** Of committers that plan at once, one has its way. */
export const PLAN = `
  UPDATE table_manager.cursor SET planned_to = $3 WHERE line_id = $1 AND number = $2 AND planned_to IS NULL`;

/** Batches beyond the cursor; one that says otherwise than what is remembered marks that number for good. */
export const REMEMBER = `
  INSERT INTO table_manager.staged_batch AS known (line_id, number, batch_id, message)
  SELECT $1, (m->>'number')::bigint, (m->>'batchId')::bigint, m FROM unnest($2::jsonb[]) AS t(m) ORDER BY 2
  ON CONFLICT (line_id, number) DO UPDATE SET contradicted_by = EXCLUDED.batch_id WHERE known.batch_id <> EXCLUDED.batch_id`;

/** The first of the numbers that is, or was, another batch than announced. */
export const CONTRADICTION = `
  SELECT t.number, t.batch_id AS announced, known.batch_id AS known
    FROM unnest($2::bigint[], $3::bigint[]) AS t(number, batch_id)
    JOIN (SELECT number, batch_id FROM table_manager.staged_batch WHERE line_id = $1 AND number = ANY ($2::bigint[])
          UNION ALL
          SELECT number, batch_id FROM table_manager.applied_batch WHERE line_id = $1 AND number = ANY ($2::bigint[])) AS known
      ON known.number = t.number AND known.batch_id <> t.batch_id
   ORDER BY 1 LIMIT 1`;

export const ANNOUNCED = `
  SELECT number, batch_id, message, contradicted_by FROM table_manager.staged_batch
   WHERE line_id = $1 AND number > $2 ORDER BY number LIMIT $3`;

export const ADVANCE = `
  UPDATE table_manager.cursor SET number = $3, planned_to = NULL, contracts_index = GREATEST(contracts_index, $4), updated_at = now()
   WHERE line_id = $1 AND number = $2 AND planned_to = $3`;

export const APPLY = `
  WITH gone AS (DELETE FROM table_manager.staged_batch WHERE line_id = $1 AND number <= $2 RETURNING line_id, number, batch_id)
  INSERT INTO table_manager.applied_batch (line_id, number, batch_id) SELECT * FROM gone ON CONFLICT DO NOTHING`;

export const TOUCH = `
  INSERT INTO table_manager.mart_partition AS p (mart, partition, touched, stale_from)
  SELECT mart, partition, $3, $3 FROM unnest($1::text[], $2::text[]) AS t(mart, partition) ORDER BY 1, 2
  ON CONFLICT (mart, partition) DO UPDATE
     SET touched = GREATEST(p.touched, EXCLUDED.touched),
         stale_from = CASE WHEN p.touched > p.built OR p.asked > p.answered THEN p.stale_from ELSE EXCLUDED.stale_from END`;

/**
 * One statement, so that the cursor and the touches are of one moment: a touch is written with the cursor's move. A
 * partition that is touched all the time keeps its place in the line, and a mart that cannot be built keeps no other
 * waiting.
 */
export const STALE = `
  SELECT c.number AS cursor, p.mart, p.partition, p.stale_from, p.asked
    FROM table_manager.cursor c
    LEFT JOIN (unnest($1::text[]) AS m(id)
               CROSS JOIN LATERAL (SELECT mart, partition, stale_from, asked FROM table_manager.mart_partition
                                    WHERE mart = m.id AND (touched > built OR asked > answered) AND frozen_at IS NULL ORDER BY stale_from, partition LIMIT $2) p) ON true`;

export const FROZEN_AMONG = `
  SELECT p.mart, p.partition FROM table_manager.mart_partition p
    JOIN unnest($1::text[], $2::text[]) AS t(mart, partition) USING (mart, partition)
   WHERE p.frozen_at IS NOT NULL`;

/** What was never touched has no row that could be missing from before the number. */
export const AGAIN = `
  INSERT INTO table_manager.mart_partition AS p (mart, partition, touched, stale_from, asked)
  SELECT mart, partition, 0, $3, 1 FROM unnest($1::text[], $2::text[]) AS t(mart, partition) ORDER BY 1, 2
  ON CONFLICT (mart, partition) DO UPDATE SET asked = p.asked + 1`;

/** What was touched beyond the number meanwhile stays stale, from there on. */
export const BUILT = `
  WITH locked AS (
    SELECT p.mart, p.partition, t.asked FROM table_manager.mart_partition p
      JOIN unnest($1::text[], $2::text[], $4::bigint[]) AS t(mart, partition, asked) USING (mart, partition)
     ORDER BY 1, 2 FOR UPDATE OF p
  )
  UPDATE table_manager.mart_partition p
     SET built = GREATEST(p.built, $3), built_at = now(), stale_from = GREATEST(p.stale_from, $3 + 1),
         answered = GREATEST(p.answered, locked.asked)
    FROM locked WHERE p.mart = locked.mart AND p.partition = locked.partition`;

export const CONTRACTS_TOLD = `SELECT index FROM table_manager.contracts_told`;

export const TELL_CONTRACTS = `UPDATE table_manager.contracts_told SET index = $2 WHERE index = $1`;

/** By number, which the primary key finds; bounded, so that no commit waits long for it. */
export const PRUNE = `
  DELETE FROM table_manager.applied_batch a USING (
    SELECT line_id, number FROM table_manager.applied_batch
     WHERE number <= (SELECT number FROM table_manager.cursor) - $1 ORDER BY line_id, number LIMIT $2) old
   WHERE a.line_id = old.line_id AND a.number = old.number`;
