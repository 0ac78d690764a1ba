-- Trials of proposed contracts on raw data. Curation-worker does them; here is what was asked for and what it told.
CREATE TABLE table_manager.shadow (
  id             uuid PRIMARY KEY,
  contract       text NOT NULL,
  version        text NOT NULL,
  tenant         text NOT NULL,
  requested_by   text NOT NULL,
  requested_at   timestamptz(3) NOT NULL,
  from_date      date NOT NULL,
  to_date        date NOT NULL,
  contracts_index bigint NOT NULL,
  status         text NOT NULL DEFAULT 'requested'
                 CHECK (status IN ('requested', 'running', 'done', 'failed', 'cancelled')),
  cancelled_by   text,
  -- Of the newest result that was told.
  revision       integer NOT NULL DEFAULT 0,
  progress       jsonb,
  result         jsonb,
  error          text,
  updated_at     timestamptz(3) NOT NULL
);

CREATE INDEX shadow_contract_idx ON table_manager.shadow (contract, requested_at DESC);
