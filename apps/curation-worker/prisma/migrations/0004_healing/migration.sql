-- Quarantine that heals: replays, events that wait to be tried again, counters, and what outsiders are told.

ALTER TABLE curation_worker.quarantine
  ADD COLUMN ingestion_id  text,
  -- The batch that last said what is wrong, and with the next three what became of the item.
  ADD COLUMN last_batch_id bigint,
  ADD COLUMN healed_at     timestamptz(3),
  ADD COLUMN healed_batch  bigint,
  ADD COLUMN healed_as     text CHECK (healed_as IN ('landed', 'duplicate')),
  ADD COLUMN replays       integer NOT NULL DEFAULT 0,
  -- Why the last replay left the item here without reading it, e.g. a recipe that threw.
  ADD COLUMN last_failure  text,
  ADD COLUMN job_id        uuid,
  -- The mended version, where a recipe made one: name@version, and its line in the raw zone. `raw` stays as it came.
  ADD COLUMN recipe        text,
  ADD COLUMN mended_part   text,
  ADD COLUMN mended_line   integer;

UPDATE curation_worker.quarantine SET last_batch_id = batch_id;

CREATE INDEX quarantine_open_idx ON curation_worker.quarantine (tenant, id) WHERE status = 'open';
CREATE INDEX quarantine_open_group_idx ON curation_worker.quarantine (tenant, group_id, id) WHERE status = 'open';
-- Ids are of any length, which a b-tree would refuse.
CREATE INDEX quarantine_event_idx ON curation_worker.quarantine USING hash (event_id);
CREATE INDEX quarantine_batch_idx ON curation_worker.quarantine (last_batch_id);
DROP INDEX curation_worker.quarantine_tenant_group_idx;
DROP INDEX curation_worker.quarantine_tenant_idx;

-- How much is quarantined, by group and source. Landings only add rows, so that none waits for another; sums are exact
-- at any time, and rows of one group and source are added up now and then.
CREATE TABLE curation_worker.quarantine_count (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant     text NOT NULL,
  group_id   text NOT NULL,
  source     text NOT NULL,
  reason     text NOT NULL,
  rule       text NOT NULL,
  path       text NOT NULL,
  contract   text,
  event_type text,
  open       bigint NOT NULL,
  total      bigint NOT NULL,
  first_seen timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  last_seen  timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX quarantine_count_idx ON curation_worker.quarantine_count (tenant, group_id, source);

INSERT INTO curation_worker.quarantine_count
       (tenant, group_id, source, reason, rule, path, contract, event_type, open, total, first_seen, last_seen)
SELECT tenant, group_id, source, min(reason), min(group_rule), min(group_path), min(contract), min(group_event_type),
       count(*) FILTER (WHERE status = 'open'), count(*), min(quarantined_at), max(quarantined_at)
  FROM curation_worker.quarantine GROUP BY tenant, group_id, source;

-- A replay of what is quarantined. `cursor` moves only with what it replays, by compare-and-set.
CREATE TABLE curation_worker.replay_job (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  tenant         text NOT NULL,
  state          text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
  selection      json NOT NULL,
  recipe         text,
  recipe_version integer,
  -- Events a second, at most.
  rate           integer NOT NULL,
  created_by     text NOT NULL,
  created_at     timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  ended_by       text,
  ended_at       timestamptz(3),
  -- Rows with ids in (cursor, upper_id] are still to be looked at.
  cursor         bigint NOT NULL DEFAULT 0,
  upper_id       bigint NOT NULL,
  selected       bigint NOT NULL,
  landed         bigint NOT NULL DEFAULT 0,
  duplicate      bigint NOT NULL DEFAULT 0,
  failed         bigint NOT NULL DEFAULT 0,
  -- Failures by cause, the first few of them.
  failures       jsonb NOT NULL DEFAULT '[]',
  -- The worker that runs it; another one may once that epoch is dead.
  epoch          bigint,
  -- Failed tries at the cursor; what makes them fail lies at or below suspect_to. A try under way ends at tried_to.
  attempts       integer NOT NULL DEFAULT 0,
  suspect_to     bigint,
  tried_to       bigint
) WITH (fillfactor = 50);

CREATE INDEX replay_job_running_idx ON curation_worker.replay_job (created_at) WHERE state = 'running';
CREATE INDEX replay_job_tenant_idx ON curation_worker.replay_job (tenant, created_at);

-- Events whose processing failed, which wait to be tried again. They are pending: no batch has counted them.
CREATE TABLE curation_worker.waiting (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant       text NOT NULL,
  source       text NOT NULL,
  event_id     text,
  event_type   text,
  accepted_at  timestamptz(3) NOT NULL,
  topic        text NOT NULL,
  partition    text NOT NULL,
  "offset"     bigint,
  batch_id     bigint NOT NULL,
  raw_part     text NOT NULL,
  raw_line     integer NOT NULL,
  headers      json NOT NULL,
  ingestion_id text NOT NULL,
  raw          bytea NOT NULL,
  -- Tries from here that failed, and that ended with the process that made them.
  attempts     integer NOT NULL DEFAULT 0,
  interrupted  integer NOT NULL DEFAULT 0,
  last_error   text NOT NULL,
  since        timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  next_at      timestamptz(3) NOT NULL,
  -- The worker that is trying it now.
  epoch        bigint
) WITH (fillfactor = 80);

CREATE INDEX waiting_next_idx ON curation_worker.waiting (next_at);
CREATE INDEX waiting_tenant_idx ON curation_worker.waiting (tenant, id);
CREATE INDEX waiting_event_idx ON curation_worker.waiting USING hash (event_id);

-- Messages that a transaction left to be sent.
CREATE TABLE curation_worker.message_outbox (
  id          uuid PRIMARY KEY,
  seq         bigint GENERATED ALWAYS AS IDENTITY,
  topic       text NOT NULL,
  body        jsonb NOT NULL,
  traceparent text
);

CREATE INDEX message_outbox_seq_idx ON curation_worker.message_outbox (seq);

-- What a batch did, by tenant and event type: [[tenant, type, landed, duplicate, quarantined, seconds], …].
ALTER TABLE curation_worker.manifest ADD COLUMN stats json;

CREATE TABLE curation_worker.type_total (
  tenant      text NOT NULL,
  event_type  text NOT NULL,
  landed      bigint NOT NULL,
  duplicate   bigint NOT NULL,
  quarantined bigint NOT NULL,
  -- From durable to landed, of all that landed or are duplicates together.
  seconds     double precision NOT NULL,
  PRIMARY KEY (tenant, event_type)
) WITH (fillfactor = 50);

-- Batches up to `totalled` are in type_total, those up to `told` are told on events.quarantined.
CREATE TABLE curation_worker.progress (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  totalled bigint NOT NULL DEFAULT 0,
  told     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

INSERT INTO curation_worker.progress (totalled, told) SELECT next - 1, next - 1 FROM curation_worker.line;
