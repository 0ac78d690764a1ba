-- Which history file of a dimension is in force. A landing moves it from one version to the next.
CREATE TABLE curation_worker.dimension (
  tenant     text NOT NULL,
  name       text NOT NULL,
  version    bigint NOT NULL CHECK (version > 0),
  path       text NOT NULL,
  key_column text NOT NULL,
  attributes json NOT NULL,
  keys       integer NOT NULL,
  loaded_at  timestamptz(3) NOT NULL,
  PRIMARY KEY (tenant, name)
);
