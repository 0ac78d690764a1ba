-- What the retention of contracts deleted, and is about to delete: for each a commit of a table.
CREATE TABLE table_manager.retention_removal (
  id         uuid PRIMARY KEY,
  table_id   text NOT NULL,
  -- In the table's log the commit is under this number.
  seq        bigint NOT NULL,
  status     text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'done', 'abandoned')),
  decided_at timestamptz(3) NOT NULL,
  -- Whose rows are over, from when on, and how that is told.
  terms      jsonb NOT NULL,
  -- Files with such rows, until they are gone.
  files      jsonb,
  -- By dataset.
  rows       jsonb NOT NULL,
  file_count integer NOT NULL,
  bytes      bigint NOT NULL,
  -- Of the table, without the rows.
  version    bigint,
  done_at    timestamptz(3),
  UNIQUE (table_id, seq)
);

-- One at a time of a table.
CREATE UNIQUE INDEX retention_removal_planned_idx ON table_manager.retention_removal (table_id) WHERE status = 'planned';

-- Of a frozen partition source rows are deleted, or about to be: it stays as it was built.
ALTER TABLE table_manager.mart_partition
  ADD COLUMN frozen_at      timestamptz(3),
  -- The removal that it was first frozen for.
  ADD COLUMN frozen_by      uuid,
  -- As it was then: what is beyond is not in the mart.
  ADD COLUMN frozen_touched bigint,
  ADD COLUMN frozen_asked   bigint;

DROP INDEX table_manager.mart_partition_stale_idx;
CREATE INDEX mart_partition_stale_idx ON table_manager.mart_partition (mart, stale_from, partition)
  WHERE (touched > built OR asked > answered) AND frozen_at IS NULL;
CREATE INDEX mart_partition_frozen_idx ON table_manager.mart_partition (mart, partition) WHERE frozen_at IS NOT NULL;

-- The time that retention has got to, and when it last went on by itself: a clock that jumps ahead deletes nothing.
CREATE TABLE table_manager.retention_horizon (
  id       integer PRIMARY KEY CHECK (id = 1),
  at       timestamptz(3) NOT NULL,
  moved_at timestamptz(3) NOT NULL
);
