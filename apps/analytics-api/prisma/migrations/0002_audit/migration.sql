CREATE TABLE analytics_api.audit (
  id      uuid PRIMARY KEY,
  at      timestamptz(3) NOT NULL,
  service text NOT NULL,
  action  text NOT NULL,
  subject text NOT NULL,
  actor   text NOT NULL,
  detail  jsonb
);
CREATE INDEX audit_at_id_idx ON analytics_api.audit (at, id);
