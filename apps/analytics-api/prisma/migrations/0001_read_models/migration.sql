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
CREATE INDEX conservation_hour_idx ON analytics_api.conservation (hour);

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
CREATE INDEX batch_topic_partition_range_to_idx ON analytics_api.batch (topic, partition, range_to);

CREATE TABLE analytics_api.table_commit (
  line_id         text NOT NULL,
  catalog_version bigint NOT NULL,
  number_from     bigint NOT NULL,
  number_to       bigint NOT NULL,
  tables          jsonb NOT NULL,
  rebuilt         jsonb,
  at              timestamptz(3) NOT NULL,
  PRIMARY KEY (line_id, catalog_version)
);
CREATE INDEX table_commit_line_id_number_to_idx ON analytics_api.table_commit (line_id, number_to);
