-- Schemas of Kafka serializers. An id is given once, and means one schema for ever.
CREATE TABLE table_manager.registered_schema (
  id            integer PRIMARY KEY CHECK (id > 0),
  type          text NOT NULL CHECK (type IN ('AVRO', 'JSON')),
  -- SHA-256 of the type and the canonical form.
  fingerprint   text NOT NULL UNIQUE,
  text          text NOT NULL,
  registered_at timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE table_manager.subject_version (
  subject       text NOT NULL,
  version       integer NOT NULL CHECK (version > 0),
  schema_id     integer NOT NULL REFERENCES table_manager.registered_schema,
  -- Soft deleted: not shown unless asked for.
  deleted       boolean NOT NULL DEFAULT false,
  registered_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (subject, version)
);

CREATE INDEX subject_version_schema_idx ON table_manager.subject_version (schema_id);

-- What a subject's next version must be compatible with, and whether it takes any; '' is for all that have no setting.
CREATE TABLE table_manager.subject_settings (
  subject       text PRIMARY KEY,
  compatibility text,
  mode          text
);

-- Subjects whose schemas are those of a contract's versions.
CREATE TABLE table_manager.subject_binding (
  subject  text PRIMARY KEY,
  contract text NOT NULL,
  type     text NOT NULL CHECK (type IN ('AVRO', 'JSON'))
);
