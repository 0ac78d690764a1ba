-- The part of an erasure that concerns the tables. `keys` are names of destroyed keys, as tokens have them.
CREATE TABLE table_manager.erasure (
  id              uuid PRIMARY KEY,
  line_id         text NOT NULL,
  keys            text[] NOT NULL,
  -- No batch after this number has rows with tokens of the keys.
  number          bigint NOT NULL,
  status          text NOT NULL DEFAULT 'requested'
                  CHECK (status IN ('requested', 'deleting', 'rebuilding', 'sweeping', 'done')),
  -- By table the rows that were found before any was deleted; by mart the partitions that they belong to.
  rows            jsonb NOT NULL DEFAULT '{}',
  mart_partitions jsonb NOT NULL DEFAULT '{}',
  rebuilt_at      timestamptz(3),
  files           integer NOT NULL DEFAULT 0,
  bytes           bigint NOT NULL DEFAULT 0,
  waiting_for     text,
  -- Of what was told last.
  revision        integer NOT NULL DEFAULT 0,
  requested_at    timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX erasure_requested_at_idx ON table_manager.erasure (requested_at);
