-- How far the input log is counted. Moves in the transaction that counts.
CREATE TABLE analytics_api.position (
  topic     text NOT NULL,
  partition text NOT NULL,
  next      bigint NOT NULL,
  PRIMARY KEY (topic, partition)
);

CREATE TABLE analytics_api.conservation (
  tenant      text NOT NULL,
  source      text NOT NULL,
  hour        timestamptz(3) NOT NULL,
  received    bigint NOT NULL DEFAULT 0,
  landed      bigint NOT NULL DEFAULT 0,
  duplicate   bigint NOT NULL DEFAULT 0,
  quarantined bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, source, hour)
);
-- Answers are pages in this order.
CREATE INDEX conservation_hour_idx ON analytics_api.conservation (hour, source, tenant);

-- The number up to which every batch of a line is known here, without a gap.
CREATE TABLE analytics_api.line (
  line_id text PRIMARY KEY,
  number  bigint NOT NULL
);

CREATE TABLE analytics_api.batch (
  line_id         text NOT NULL,
  number          bigint NOT NULL,
  batch_id        bigint NOT NULL,
  topic           text NOT NULL,
  partition       text NOT NULL,
  range_from      bigint,
  range_to        bigint,
  contracts_index bigint NOT NULL,
  landed_at       timestamptz(3) NOT NULL,
  PRIMARY KEY (line_id, number)
);
CREATE INDEX batch_batch_id_idx ON analytics_api.batch (batch_id);

-- How far batches cover a partition of the input.
CREATE TABLE analytics_api.landed (
  topic      text NOT NULL,
  partition  text NOT NULL,
  -- The end of the furthest batch whose fates are counted.
  counted_to bigint NOT NULL,
  -- The same of batches up to the line's number: everything before it has landed.
  landed_to  bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
);

CREATE TABLE analytics_api.table_commit (
  line_id         text NOT NULL,
  number_to       bigint NOT NULL,
  number_from     bigint NOT NULL,
  catalog_version bigint NOT NULL,
  tables          jsonb NOT NULL,
  at              timestamptz(3) NOT NULL,
  PRIMARY KEY (line_id, number_to)
);

-- Builds of mart partitions. Older ones are forgotten after a while, the newest of each stays.
CREATE TABLE analytics_api.mart_build (
  line_id   text NOT NULL,
  mart      text NOT NULL,
  partition text NOT NULL,
  -- Everything up to this number is in it.
  number    bigint NOT NULL,
  version   bigint NOT NULL,
  at        timestamptz(3) NOT NULL,
  PRIMARY KEY (line_id, mart, partition, number)
);
CREATE INDEX mart_build_at_idx ON analytics_api.mart_build (at);
