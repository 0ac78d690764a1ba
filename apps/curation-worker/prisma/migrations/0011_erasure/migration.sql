-- What a destroyed key is called by what it sealed.
ALTER TABLE curation_worker.destroyed_key ADD COLUMN seal_id text;
CREATE INDEX destroyed_key_seal_idx ON curation_worker.destroyed_key (seal_id);

-- Items under a key are counted by erasures.
CREATE INDEX quarantine_key_idx ON curation_worker.quarantine (sealed_by) WHERE sealed_by IS NOT NULL;
CREATE INDEX waiting_key_idx ON curation_worker.waiting (sealed_by) WHERE sealed_by IS NOT NULL;

-- Keys of older epochs are no longer in the memory of this run.
ALTER TABLE curation_worker.worker ADD COLUMN keys_epoch bigint NOT NULL DEFAULT 0;

-- Erasures of subjects. A row says of whom only by the keyed hash that finds the subject's key, and forgets that at its
-- end. Whoever holds its lease under its newest epoch goes on with it.
CREATE TABLE curation_worker.erasure (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant       text NOT NULL,
  kind         text NOT NULL,
  lookup       bytea,
  rows         text NOT NULL CHECK (rows IN ('keep', 'delete')),
  status       text NOT NULL DEFAULT 'draining'
               CHECK (status IN ('draining', 'deleting', 'verifying', 'done', 'failed', 'cancelled')),
  requested_by text NOT NULL,
  requested_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  -- Positions that curation has to reach before the key goes.
  ends         json NOT NULL,
  -- Of the destruction: the keys by the names that they have in what they sealed, the keys epoch after it, and the last
  -- number of the line that may have landed under them.
  keys         text[] NOT NULL DEFAULT '{}',
  keys_epoch   bigint,
  number       bigint,
  destroyed_at timestamptz(3),
  -- What table-manager told of the tables.
  lake         json,
  lake_revision integer NOT NULL DEFAULT 0,
  -- How far the search for what is left has come.
  state        json,
  waiting_for  text,
  report       json,
  ended_at     timestamptz(3),
  ended_by     text,
  epoch        integer NOT NULL DEFAULT 0,
  lease_until  timestamptz(3) NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- One at a time of a subject.
CREATE UNIQUE INDEX erasure_lookup_idx ON curation_worker.erasure (lookup)
  WHERE status IN ('draining', 'deleting', 'verifying');
CREATE INDEX erasure_open_idx ON curation_worker.erasure (requested_at)
  WHERE status IN ('draining', 'deleting', 'verifying');
CREATE INDEX erasure_tenant_idx ON curation_worker.erasure (tenant, requested_at);
