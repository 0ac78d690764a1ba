-- What fails of the quality rules, from when on and until when; a freshness rule is about no day ('').
CREATE TABLE table_manager.quality_failure (
  id          uuid PRIMARY KEY,
  tenant      text NOT NULL,
  dataset     text NOT NULL,
  rule        text NOT NULL,
  day         text NOT NULL,
  severity    text NOT NULL,
  -- failed, or error: the rule could not be judged.
  status      text NOT NULL,
  metric      text NOT NULL,
  value       double precision,
  expectation text NOT NULL,
  failed      bigint,
  error       text,
  opened_at   timestamptz(3) NOT NULL,
  changed_at  timestamptz(3) NOT NULL,
  closed_at   timestamptz(3)
);

-- One at a time.
CREATE UNIQUE INDEX quality_failure_open_idx ON table_manager.quality_failure (day, tenant, dataset, rule)
  WHERE closed_at IS NULL;
CREATE INDEX quality_failure_tenant_idx ON table_manager.quality_failure (tenant, opened_at DESC, id);

-- When the newest row of a dataset was received, where a rule asks for it.
CREATE TABLE table_manager.quality_freshness (
  tenant  text NOT NULL,
  dataset text NOT NULL,
  newest  timestamptz(3) NOT NULL,
  PRIMARY KEY (tenant, dataset)
);

-- The rules of a dataset that its days were last asked to be judged by.
CREATE TABLE table_manager.quality_rules (
  dataset  text PRIMARY KEY,
  digest   text NOT NULL,
  asked_at timestamptz(3) NOT NULL DEFAULT now()
);
