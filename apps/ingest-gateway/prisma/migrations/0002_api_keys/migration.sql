CREATE TABLE ingest_gateway.api_key (
  -- The public part of the key.
  id           text PRIMARY KEY,
  tenant       text NOT NULL,
  name         text NOT NULL,
  roles        text[] NOT NULL,
  -- SHA-256 of the whole key. The key itself is kept nowhere.
  hash         bytea NOT NULL,
  created_at   timestamptz(3) NOT NULL,
  created_by   text NOT NULL,
  expires_at   timestamptz(3),
  revoked_at   timestamptz(3),
  last_used_at timestamptz(3)
);

CREATE INDEX api_key_tenant_idx ON ingest_gateway.api_key (tenant, created_at DESC, id);

-- The version of the newest key file in storage, as of the last change that was committed. One row; locked by changes.
CREATE TABLE ingest_gateway.key_ring (
  one     boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL
);

INSERT INTO ingest_gateway.key_ring (version) VALUES (0);

CREATE TABLE ingest_gateway.outbox (
  id          uuid PRIMARY KEY,
  seq         bigint GENERATED ALWAYS AS IDENTITY,
  topic       text NOT NULL,
  body        jsonb NOT NULL,
  traceparent text,
  created_at  timestamptz(3) NOT NULL DEFAULT now()
);

CREATE INDEX outbox_seq_idx ON ingest_gateway.outbox (seq);
