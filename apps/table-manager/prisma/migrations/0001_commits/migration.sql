CREATE TABLE table_manager.cursor (
  line_id    text PRIMARY KEY,
  number     bigint NOT NULL CHECK (number >= 0),
  -- The range that is being committed ends here. Stored before any table is touched: every committer takes this one.
  planned_to bigint CHECK (planned_to > number),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);
-- A database is of one lake.
CREATE UNIQUE INDEX cursor_one_line ON table_manager.cursor ((true));

CREATE TABLE table_manager.staged_batch (
  line_id         text NOT NULL,
  number          bigint NOT NULL CHECK (number > 0),
  batch_id        bigint NOT NULL,
  message         jsonb NOT NULL,
  -- Another batch that was announced under the same number: nothing is committed from here on.
  contradicted_by bigint,
  received_at     timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (line_id, number)
);

CREATE TABLE table_manager.applied_batch (
  line_id    text NOT NULL,
  number     bigint NOT NULL,
  batch_id   bigint NOT NULL,
  applied_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (line_id, number)
);

CREATE TABLE table_manager.mart_partition (
  mart       text NOT NULL,
  partition  text NOT NULL,
  touched    bigint NOT NULL,
  -- While stale: no batch below this number is missing from the partition.
  stale_from bigint NOT NULL,
  built      bigint NOT NULL DEFAULT 0,
  built_at   timestamptz(3),
  PRIMARY KEY (mart, partition)
);

-- Rebuilding looks for stale partitions only, the longest waiting first, whatever the number of fresh ones.
CREATE INDEX mart_partition_stale_idx ON table_manager.mart_partition (mart, stale_from, partition) WHERE touched > built;

CREATE TABLE table_manager.outbox (
  id         uuid PRIMARY KEY,
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  topic      text NOT NULL,
  body       jsonb NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE INDEX outbox_seq_idx ON table_manager.outbox (seq);

-- When each table was last looked through for files that no retained version names.
CREATE TABLE table_manager.vacuum_run (
  table_id text PRIMARY KEY,
  began_at timestamptz(3) NOT NULL,
  -- Only what was unused before this time is deleted. Moves by a day at most, whatever a clock says.
  horizon  timestamptz(3) NOT NULL,
  files    integer NOT NULL DEFAULT 0,
  bytes    bigint NOT NULL DEFAULT 0
);
