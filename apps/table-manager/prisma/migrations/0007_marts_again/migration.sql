-- Partitions to be built again though no new batch touched them: rows of older batches were filled in, or rules changed.
-- Counted, so that a build that began before it was asked for does not count as the answer.
ALTER TABLE table_manager.mart_partition
  ADD COLUMN asked    bigint NOT NULL DEFAULT 0,
  ADD COLUMN answered bigint NOT NULL DEFAULT 0;

DROP INDEX table_manager.mart_partition_stale_idx;
CREATE INDEX mart_partition_stale_idx ON table_manager.mart_partition (mart, stale_from, partition)
  WHERE touched > built OR asked > answered;
