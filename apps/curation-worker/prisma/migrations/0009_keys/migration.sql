-- Keys of the lake, wrapped by the master key. The newest of a purpose is in use.
CREATE TABLE curation_worker.lake_key (
  id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  purpose    text NOT NULL CHECK (purpose IN ('lookup', 'token', 'wrap')),
  -- Name of the master key.
  wrapped_by text NOT NULL,
  wrapped    bytea NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- A random key for each subject of personal data. Destroying the row makes whatever was sealed under it unreadable, and
-- its tokens nobody's. Subjects are found by a keyed hash only: the table names none.
CREATE TABLE curation_worker.subject_key (
  lookup     bytea PRIMARY KEY,
  id         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  tenant     text NOT NULL,
  wrap_id    integer NOT NULL REFERENCES curation_worker.lake_key (id),
  wrapped    bytea NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- Ids of destroyed keys: what names one was erased, and is not damaged.
CREATE TABLE curation_worker.destroyed_key (
  id           bigint PRIMARY KEY,
  erasure_id   text NOT NULL,
  destroyed_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);

-- `sealed_by` names the key that `raw` is sealed under; null for rows in clear. `headers` are then within it, and here
-- only those that say nothing of anybody.
ALTER TABLE curation_worker.quarantine ADD COLUMN sealed_by text;
ALTER TABLE curation_worker.waiting ADD COLUMN sealed_by text;
