-- What the landed events of a batch say about time: left by its landing, folded into what follows, and deleted.
CREATE TABLE curation_worker.time_delta (
  batch_id bigint PRIMARY KEY,
  deltas   text NOT NULL
);
-- It lives for a second: compressing it would cost more than writing it.
ALTER TABLE curation_worker.time_delta ALTER COLUMN deltas SET STORAGE EXTERNAL;

-- How far deltas are folded. A round holds the row, so that there is one at a time.
CREATE TABLE curation_worker.time_progress (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  number   bigint NOT NULL,
  -- When open windows were last told of, ms since the epoch.
  early_ms bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);

-- Batches that landed before this migration left no deltas.
INSERT INTO curation_worker.time_progress (number)
SELECT coalesce(max(number), 0) FROM curation_worker.manifest;

-- Times of events are ms since the epoch: event times go back to the year 1.
CREATE TABLE curation_worker.time_tenant (
  tenant       text COLLATE "C" PRIMARY KEY,
  watermark_ms bigint NOT NULL,
  -- Windows that ended by then are deleted, and none is made again.
  pruned_to_ms bigint
) WITH (fillfactor = 50);

CREATE TABLE curation_worker.time_source (
  tenant     text COLLATE "C" NOT NULL,
  topic      text COLLATE "C" NOT NULL,
  partition  text COLLATE "C" NOT NULL,
  reached_ms bigint NOT NULL,
  seen_ms    bigint NOT NULL,
  PRIMARY KEY (tenant, topic, partition)
) WITH (fillfactor = 50);

-- Names that are counted apart; a tenant has a bounded number of each dimension.
CREATE TABLE curation_worker.time_name (
  tenant    text COLLATE "C" NOT NULL,
  dimension text COLLATE "C" NOT NULL CHECK (dimension IN ('type', 'facility', 'source')),
  name      text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, dimension, name)
);

CREATE TABLE curation_worker.kpi_window (
  tenant               text COLLATE "C" NOT NULL,
  kind                 text COLLATE "C" NOT NULL,
  start_ms             bigint NOT NULL,
  -- '=name', '' for none, '*' for the names that are not counted apart.
  event_type           text COLLATE "C" NOT NULL,
  facility             text COLLATE "C" NOT NULL,
  end_ms               bigint NOT NULL,
  events               bigint NOT NULL,
  late                 bigint NOT NULL,
  lateness_seconds_max bigint NOT NULL,
  revision             integer NOT NULL,
  fired                text CHECK (fired IN ('early', 'on_time', 'late')),
  changed              boolean NOT NULL,
  updated_at           timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, kind, start_ms, event_type, facility)
) WITH (fillfactor = 70);

-- What a watermark may pass.
CREATE INDEX kpi_window_open_idx ON curation_worker.kpi_window (tenant, end_ms) WHERE fired IS NULL OR fired = 'early';
-- What may be forgotten.
CREATE INDEX kpi_window_end_idx ON curation_worker.kpi_window (tenant, end_ms);

-- How clocks of sources compare to ours, by accept hour. Counts by the bounds in buckets.ts.
CREATE TABLE curation_worker.source_time (
  tenant       text COLLATE "C" NOT NULL,
  hour         timestamptz(3) NOT NULL,
  source       text COLLATE "C" NOT NULL,
  lateness     bigint[] NOT NULL,
  lateness_sum double precision NOT NULL,
  skew         bigint[] NOT NULL,
  skew_sum     double precision NOT NULL,
  PRIMARY KEY (tenant, hour, source)
) WITH (fillfactor = 70);

-- Events that were accepted later than allowed, by the day whose partitions they changed.
CREATE TABLE curation_worker.late_data (
  tenant               text COLLATE "C" NOT NULL,
  day                  date NOT NULL,
  source               text COLLATE "C" NOT NULL,
  contract             text COLLATE "C" NOT NULL,
  events               bigint NOT NULL,
  first_accepted       timestamptz(3) NOT NULL,
  last_accepted        timestamptz(3) NOT NULL,
  lateness_seconds_max bigint NOT NULL,
  PRIMARY KEY (tenant, day, source, contract)
) WITH (fillfactor = 70);

-- Firings to be sent.
CREATE TABLE curation_worker.kpi_outbox (
  id          uuid PRIMARY KEY,
  seq         bigint GENERATED ALWAYS AS IDENTITY,
  topic       text NOT NULL,
  body        json NOT NULL,
  traceparent text
);

CREATE INDEX kpi_outbox_seq_idx ON curation_worker.kpi_outbox (seq);
