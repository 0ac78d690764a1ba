-- Long work on raw bytes that others asked for. A row is a job; whoever holds its lease under its newest epoch goes on
-- with it from the state that was saved last.
CREATE TABLE curation_worker.work (
  id           uuid PRIMARY KEY,
  kind         text NOT NULL,
  job          jsonb NOT NULL,
  requested_by text NOT NULL,
  status       text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  cancel       boolean NOT NULL DEFAULT false,
  -- Rises with each run; what an earlier one still saves changes nothing.
  epoch        integer NOT NULL DEFAULT 0,
  lease_until  timestamptz(3) NOT NULL DEFAULT '-infinity',
  -- Runs since the state last moved.
  attempts     integer NOT NULL DEFAULT 0,
  state        jsonb,
  progress     jsonb,
  result       jsonb,
  error        text,
  -- What is to be told is told under a revision, from the row, until it is known to be durable.
  revision     integer NOT NULL DEFAULT 0,
  told         integer NOT NULL DEFAULT 0,
  created_at   timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz(3) NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE INDEX work_open_idx ON curation_worker.work (created_at) WHERE status IN ('queued', 'running');
CREATE INDEX work_untold_idx ON curation_worker.work (id) WHERE told < revision;
