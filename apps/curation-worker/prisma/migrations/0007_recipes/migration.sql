-- How quarantined items are mended. A version never changes; it runs once somebody else than its author has reviewed it.
CREATE TABLE curation_worker.recipe (
  tenant      text NOT NULL,
  name        text NOT NULL,
  version     integer NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('json-patch', 'jsonata')),
  body        text NOT NULL,
  group_id    text,
  description text NOT NULL DEFAULT '',
  author      text NOT NULL,
  created_at  timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  reviewed_by text,
  reviewed_at timestamptz(3),
  PRIMARY KEY (tenant, name, version)
);
