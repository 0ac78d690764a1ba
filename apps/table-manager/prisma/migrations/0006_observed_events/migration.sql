-- What events looked like, by day of landing: the history that drift is told from and contracts are inferred from.
CREATE TABLE table_manager.observed_events (
  tenant     text NOT NULL,
  event_type text NOT NULL,
  -- Name and version of what they were checked against; empty where the type had no contract.
  contract   text NOT NULL,
  version    text NOT NULL,
  source     text NOT NULL,
  day        date NOT NULL,
  events     bigint NOT NULL,
  first_seen timestamptz(3) NOT NULL,
  -- Counts by field; see ProfileHistory of libs/contracts.
  profile    jsonb NOT NULL,
  PRIMARY KEY (tenant, event_type, contract, version, source, day)
);

CREATE INDEX observed_events_contract_idx ON table_manager.observed_events (contract, version, tenant, day);
CREATE INDEX observed_events_unknown_idx ON table_manager.observed_events (event_type, first_seen) WHERE contract = '';
CREATE INDEX observed_events_day_idx ON table_manager.observed_events (day);

-- Contracts that were inferred, from before they are published on, and how far the rows that landed before them are in
-- their tables.
CREATE TABLE table_manager.inferred_contract (
  contract    text PRIMARY KEY,
  event_type  text NOT NULL UNIQUE,
  table_name  text NOT NULL UNIQUE,
  -- Whose events were the first.
  tenant      text NOT NULL,
  -- An index that names it: batches of this index and later ones have staged files for its table. Null until it is seen
  -- to be in force.
  since_index bigint CHECK (since_index > 0),
  -- Rows of clean.events up to this number that landed without the contract are in its table.
  filled_to   bigint NOT NULL DEFAULT 0 CHECK (filled_to >= 0),
  -- No more such rows can come.
  closed      boolean NOT NULL DEFAULT false,
  created_at  timestamptz(3) NOT NULL DEFAULT now()
);

CREATE INDEX inferred_contract_open_idx ON table_manager.inferred_contract (contract) WHERE NOT closed;
CREATE INDEX inferred_contract_tenant_idx ON table_manager.inferred_contract (tenant);

-- The contract index under which the newest applied batch landed.
ALTER TABLE table_manager.cursor ADD COLUMN contracts_index bigint NOT NULL DEFAULT 0;
