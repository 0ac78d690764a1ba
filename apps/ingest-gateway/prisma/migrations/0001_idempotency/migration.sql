CREATE TABLE ingest_gateway.idempotency_key (
  tenant       text NOT NULL,
  route        text NOT NULL,
  key          text NOT NULL,
  request_hash bytea NOT NULL,
  status       integer,
  body         text,
  locked_until timestamptz(3) NOT NULL,
  created_at   timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, route, key)
);

CREATE INDEX idempotency_key_created_at_idx ON ingest_gateway.idempotency_key (created_at);
