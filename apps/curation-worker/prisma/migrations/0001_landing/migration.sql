-- The lake's one number line. A number is a consistent cut over all tables; contracts and keys change at one number
-- for all workers, because a landing takes its number only under the index and epoch that it worked with.
CREATE TABLE curation_worker.line (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  only_one        boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one),
  next            bigint NOT NULL DEFAULT 1 CHECK (next > 0),
  contracts_index bigint NOT NULL DEFAULT 0,
  keys_epoch      bigint NOT NULL DEFAULT 0,
  created_at      timestamptz(3) NOT NULL DEFAULT now()
) WITH (fillfactor = 20);

INSERT INTO curation_worker.line DEFAULT VALUES;

-- A run of a worker process. Its epoch is in the names of the files it writes; once `alive` is false none of its
-- landings can commit, so what no manifest names may be deleted.
CREATE TABLE curation_worker.worker (
  epoch         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  member        text NOT NULL,
  alive         boolean NOT NULL DEFAULT true,
  started_at    timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at  timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  -- No file of this epoch is in a raw folder of an earlier accept date.
  accepted_from date,
  ended_at      timestamptz(3),
  collected_at  timestamptz(3)
) WITH (fillfactor = 50);

CREATE INDEX worker_uncollected_idx ON curation_worker.worker (epoch) WHERE collected_at IS NULL;

-- Where curation is in each partition of its input. `next` moves only with a landing.
CREATE TABLE curation_worker.position (
  topic       text NOT NULL,
  partition   text NOT NULL,
  next        bigint NOT NULL,
  epoch       bigint NOT NULL,
  -- Takeovers since `next` last moved; only the first counts without a batch having begun.
  attempts    integer NOT NULL DEFAULT 0,
  -- Events of the batch under way, noted once an earlier attempt at this position has failed.
  tried       integer,
  -- What makes landings fail lies in [next, suspect_to).
  suspect_to  bigint,
  -- Newest accept time landed.
  accepted_to timestamptz(3),
  moved_at    timestamptz(3),
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20);

-- Messages landed from inputs that have no positions.
CREATE TABLE curation_worker.inbox (
  topic      text NOT NULL,
  message_id text NOT NULL,
  batch_id   bigint NOT NULL,
  landed_at  timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, message_id)
);

CREATE INDEX inbox_landed_at_idx ON curation_worker.inbox USING brin (landed_at);

-- Dedupe keys of landed events. Partitioned by hash, never by time: a key is found whatever its age.
CREATE TABLE curation_worker.claims (
  k           uuid NOT NULL PRIMARY KEY,
  batch_id    bigint NOT NULL,
  fingerprint bigint NOT NULL,
  -- Day of the claim plus the window of the contract that it was made under.
  keep_until  date NOT NULL
) PARTITION BY HASH (k);

DO $$
BEGIN
  FOR remainder IN 0..15 LOOP
    EXECUTE format(
      'CREATE TABLE curation_worker.claims_%s PARTITION OF curation_worker.claims FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
      lpad(remainder::text, 2, '0'), remainder);
  END LOOP;
END
$$;

-- Claims with keep_until before `pruned_to` may be gone. It advances by at most a day a day.
CREATE TABLE curation_worker.claims_pruning (
  only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  pruned_to   date,
  advanced_at timestamptz,
  -- Deletion has been carried through up to here.
  deleted_to  date
);

INSERT INTO curation_worker.claims_pruning DEFAULT VALUES;

CREATE TABLE curation_worker.quarantine (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Hash of reason, rule, path, contract and event type.
  group_id         text NOT NULL,
  status           text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replaying', 'replayed', 'discarded')),
  reason           text NOT NULL,
  rule             text NOT NULL,
  path             text NOT NULL,
  -- What the group has in common: rule and path without the item's particulars.
  group_rule       text NOT NULL,
  group_path       text NOT NULL,
  group_event_type text,
  contract         text,
  contract_version text,
  event_type       text,
  event_id         text,
  tenant           text NOT NULL,
  source           text NOT NULL,
  accepted_at      timestamptz(3) NOT NULL,
  quarantined_at   timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  topic            text NOT NULL,
  partition        text NOT NULL,
  "offset"         bigint,
  attempts         integer NOT NULL DEFAULT 1,
  batch_id         bigint NOT NULL,
  raw_part         text NOT NULL,
  raw_line         integer NOT NULL,
  -- What the gateway knew beside the bytes, for a replay.
  headers          json NOT NULL,
  raw              bytea NOT NULL
);

CREATE INDEX quarantine_group_idx ON curation_worker.quarantine (group_id, id);

CREATE SEQUENCE curation_worker.batch_id INCREMENT BY 32;

-- Every landed batch and the files that are visible through it.
CREATE TABLE curation_worker.manifest (
  batch_id        bigint PRIMARY KEY,
  number          bigint UNIQUE,
  epoch           bigint NOT NULL,
  topic           text NOT NULL,
  partition       text NOT NULL,
  range_from      bigint,
  range_to        bigint,
  landed          integer NOT NULL,
  duplicate       integer NOT NULL,
  quarantined     integer NOT NULL,
  -- batches.staged without its number.
  message         json NOT NULL,
  landed_at       timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  -- The staged files are deleted; raw parts stay.
  staged_deleted  boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);

CREATE INDEX manifest_staged_idx ON curation_worker.manifest (number) WHERE NOT staged_deleted;

-- Numbers that no tables.changed has named yet.
CREATE TABLE curation_worker.outbox (
  number   bigint PRIMARY KEY,
  batch_id bigint NOT NULL UNIQUE,
  sends    integer NOT NULL DEFAULT 0,
  sent_at  timestamptz(3)
) WITH (fillfactor = 50);

-- How far table-manager has committed each line, from tables.changed.
CREATE TABLE curation_worker.commit_progress (
  line_id uuid PRIMARY KEY,
  number  bigint NOT NULL,
  at      timestamptz(3) NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

-- The last step of a landing, sent in one round trip with COMMIT. It raises when the landing may not commit, so that
-- COMMIT is never run: MR002 when the worker's epoch is dead, MR001 when contracts or keys have moved on.
CREATE FUNCTION curation_worker.take_number(p_batch_id bigint, p_epoch bigint, p_contracts_index bigint, p_keys_epoch bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  taken bigint;
BEGIN
  PERFORM 1 FROM curation_worker.worker WHERE epoch = p_epoch AND alive FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker epoch % is dead', p_epoch USING ERRCODE = 'MR002';
  END IF;
  UPDATE curation_worker.line SET next = next + 1
   WHERE contracts_index = p_contracts_index AND keys_epoch = p_keys_epoch
  RETURNING next - 1 INTO taken;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the line has moved on from contracts index % and keys epoch %', p_contracts_index, p_keys_epoch
      USING ERRCODE = 'MR001';
  END IF;
  UPDATE curation_worker.manifest SET number = taken WHERE batch_id = p_batch_id;
  INSERT INTO curation_worker.outbox (number, batch_id) VALUES (taken, p_batch_id);
  RETURN taken;
END
$$;
