-- The log: record batches under gap-free offsets, and who has read how far.
-- Numbers in milliseconds end in _ms; every other time is the database's own.

CREATE TABLE log.topic (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE,
  partitions integer NOT NULL CHECK (partitions > 0),
  retention_ms bigint CHECK (retention_ms > 0),
  bytes_max bigint CHECK (bytes_max > 0),
  -- Batches appended before age_cut_ms are too old; decided at age_cut_at_ms. Both since the Unix epoch.
  age_cut_ms bigint,
  age_cut_at_ms bigint
);

-- One row a partition. Its lock is what makes offsets gap-free: it is held from taking offsets to the end of the
-- transaction, so offsets become visible in their order. Each row has a page to itself to be updated in place.
CREATE TABLE log.head (
  topic integer NOT NULL REFERENCES log.topic,
  part integer NOT NULL,
  next bigint NOT NULL DEFAULT 0,
  start bigint NOT NULL DEFAULT 0,
  -- Held now: header and body as appended, before compression.
  bytes bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, part)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- No foreign key to head: checking it would lock the head's row a second time, on the hottest path there is.
CREATE TABLE log.batch (
  topic integer NOT NULL,
  part integer NOT NULL,
  base bigint NOT NULL,
  count integer NOT NULL,
  bytes integer NOT NULL,
  append_id uuid NOT NULL,
  appended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- json, not jsonb: it keeps every string, also those that jsonb refuses (\u0000), and is read by the client only.
  header json NOT NULL,
  body bytea NOT NULL,
  PRIMARY KEY (topic, part, base)
) WITH (autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05);

-- An append id is unique in a topic; it leads, so that a repeated append is found whatever its partition.
CREATE UNIQUE INDEX batch_append_id ON log.batch (append_id, topic, part);

-- lz4 makes the log six times smaller and an append cheaper than no compression does (0.16 CPU-s per 100,000 events
-- against 0.22). A server built without it stores bodies as they are: pglz would cost 0.6.
DO $$
BEGIN
  ALTER TABLE log.batch ALTER COLUMN body SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  ALTER TABLE log.batch ALTER COLUMN body SET STORAGE EXTERNAL;
END $$;

CREATE TABLE log.consumer_group (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic integer NOT NULL REFERENCES log.topic,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (topic, name)
);

CREATE TABLE log.position (
  grp integer NOT NULL REFERENCES log.consumer_group,
  part integer NOT NULL,
  next bigint NOT NULL,
  owner text,
  epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  -- How often an owner took over from one that vanished, with the position where it was.
  attempts integer NOT NULL DEFAULT 0,
  taken_at bigint,
  PRIMARY KEY (grp, part)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE log.member (
  grp integer NOT NULL REFERENCES log.consumer_group,
  member text NOT NULL,
  joined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  alive_until timestamptz NOT NULL,
  PRIMARY KEY (grp, member)
) WITH (fillfactor = 10);

-- Registering groups, adding partitions and trimming take turns within a topic, so that none of them sees the others half done.
CREATE FUNCTION log.take_turn(p_topic integer) RETURNS void
LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(1835887731, p_topic) $$;

CREATE FUNCTION log.tell(p_topic integer, p_message text) RETURNS void
LANGUAGE sql AS $$ SELECT pg_notify('millrace_log_' || p_topic, p_message) $$;

CREATE FUNCTION log.ensure_topic(p_name text, p_partitions integer, p_retention_ms bigint, p_bytes_max bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_topic log.topic;
BEGIN
  INSERT INTO log.topic (name, partitions, retention_ms, bytes_max)
    VALUES (p_name, p_partitions, p_retention_ms, p_bytes_max) ON CONFLICT (name) DO NOTHING;
  SELECT * INTO v_topic FROM log.topic t WHERE t.name = p_name;
  PERFORM log.take_turn(v_topic.id);
  -- Waits for appends under way: those that come later see the new number of partitions and place their keys by it.
  PERFORM FROM log.head h WHERE h.topic = v_topic.id ORDER BY h.part FOR UPDATE;
  UPDATE log.topic t
    SET partitions = greatest(t.partitions, p_partitions),
        retention_ms = coalesce(p_retention_ms, t.retention_ms),
        bytes_max = coalesce(p_bytes_max, t.bytes_max)
    WHERE t.id = v_topic.id
      AND (t.partitions < p_partitions OR t.retention_ms IS DISTINCT FROM coalesce(p_retention_ms, t.retention_ms)
        OR t.bytes_max IS DISTINCT FROM coalesce(p_bytes_max, t.bytes_max));
  INSERT INTO log.head (topic, part) SELECT v_topic.id, generate_series(0, p_partitions - 1) ON CONFLICT DO NOTHING;
  INSERT INTO log.position (grp, part, next)
    SELECT g.id, h.part, 0 FROM log.consumer_group g JOIN log.head h ON h.topic = g.topic
    WHERE g.topic = v_topic.id ON CONFLICT DO NOTHING;
  IF FOUND THEN
    PERFORM log.tell(v_topic.id, 'g:*');
  END IF;
END $$;

CREATE FUNCTION log.ensure_group(p_topic integer, p_name text, p_latest boolean) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_group integer;
BEGIN
  SELECT g.id INTO v_group FROM log.consumer_group g WHERE g.topic = p_topic AND g.name = p_name;
  IF FOUND THEN
    RETURN v_group;
  END IF;
  PERFORM log.take_turn(p_topic);
  INSERT INTO log.consumer_group (topic, name) VALUES (p_topic, p_name) ON CONFLICT (topic, name) DO NOTHING RETURNING id INTO v_group;
  IF v_group IS NULL THEN
    SELECT g.id INTO v_group FROM log.consumer_group g WHERE g.topic = p_topic AND g.name = p_name;
  ELSE
    INSERT INTO log.position (grp, part, next)
      SELECT v_group, h.part, CASE WHEN p_latest THEN h.next ELSE h.start END FROM log.head h WHERE h.topic = p_topic;
  END IF;
  RETURN v_group;
END $$;

-- Appends one batch, its records already divided among partitions: p_parts ascending, with the number of records and
-- the bytes of the body for each; p_body holds the bodies one after the other. Every statement of this function sees
-- what was committed before it began, also while it waited for a head: so a repeated append, having waited for the
-- first one, finds it.
-- Raises ML001 when the topic is full, ML002 when it has another number of partitions, ML003 when there is no such partition.
CREATE FUNCTION log.append(
  p_topic integer, p_partitions integer, p_append_id uuid, p_parts integer[], p_counts integer[], p_lengths integer[],
  p_header json, p_body bytea
) RETURNS TABLE (o_part integer, o_base bigint, o_count integer)
LANGUAGE plpgsql AS $$
DECLARE
  v_header_bytes integer := octet_length(p_header::text);
  v_bases bigint[] := '{}';
  v_base bigint;
  v_from integer := 1;
  v_partitions integer;
  v_full boolean;
  v_repeated boolean;
BEGIN
  PERFORM set_config('synchronous_commit', 'on', true);
  FOR i IN 1 .. cardinality(p_parts) LOOP
    UPDATE log.head h SET next = h.next + p_counts[i], bytes = h.bytes + p_lengths[i] + v_header_bytes
      WHERE h.topic = p_topic AND h.part = p_parts[i]
      RETURNING h.next - p_counts[i] INTO v_base;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'there is no partition %', p_parts[i] USING ERRCODE = 'ML003';
    END IF;
    v_bases := v_bases || v_base;
  END LOOP;

  SELECT t.partitions, t.bytes_max < (SELECT sum(h.bytes) FROM log.head h WHERE h.topic = p_topic),
      EXISTS (SELECT FROM log.batch b WHERE b.append_id = p_append_id AND b.topic = p_topic)
    INTO v_partitions, v_full, v_repeated FROM log.topic t WHERE t.id = p_topic;
  IF v_repeated THEN
    FOR i IN 1 .. cardinality(p_parts) LOOP
      UPDATE log.head h SET next = h.next - p_counts[i], bytes = h.bytes - p_lengths[i] - v_header_bytes
        WHERE h.topic = p_topic AND h.part = p_parts[i];
    END LOOP;
    RETURN QUERY SELECT b.part, b.base, b.count FROM log.batch b
      WHERE b.append_id = p_append_id AND b.topic = p_topic ORDER BY b.part;
    RETURN;
  END IF;
  IF v_partitions <> p_partitions THEN
    RAISE EXCEPTION 'the topic has % partitions', v_partitions USING ERRCODE = 'ML002';
  END IF;
  IF v_full THEN
    RAISE EXCEPTION 'the topic is full' USING ERRCODE = 'ML001';
  END IF;

  FOR i IN 1 .. cardinality(p_parts) LOOP
    INSERT INTO log.batch (topic, part, base, count, bytes, append_id, header, body)
      VALUES (p_topic, p_parts[i], v_bases[i], p_counts[i], p_lengths[i] + v_header_bytes, p_append_id, p_header,
        CASE WHEN cardinality(p_parts) = 1 THEN p_body ELSE substring(p_body FROM v_from FOR p_lengths[i]) END);
    v_from := v_from + p_lengths[i];
    o_part := p_parts[i];
    o_base := v_bases[i];
    o_count := p_counts[i];
    RETURN NEXT;
  END LOOP;
END $$;

-- What a living member does three times per lease: says that it lives, renews the leases it names, buries members whose
-- time is up, and claims free partitions up to its share. A partition that it owns but does not name is free as well:
-- it belongs to the process that had its name before. Returns all it holds afterwards; the share is on every row.
CREATE FUNCTION log.tend(p_grp integer, p_member text, p_lease_ms integer, p_parts integer[], p_epochs bigint[])
RETURNS TABLE (o_part integer, o_epoch bigint, o_position bigint, o_attempts integer, o_quota integer)
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz;
  v_until timestamptz;
  v_joined boolean;
  v_buried integer;
  v_quota integer;
  v_held integer[];
BEGIN
  -- Leases are only liveness: they need no disk.
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock(1835887732, p_grp);
  PERFORM FROM log.position p WHERE p.grp = p_grp ORDER BY p.part FOR UPDATE;
  v_now := clock_timestamp();
  v_until := v_now + p_lease_ms * interval '1 millisecond';

  INSERT INTO log.member AS m (grp, member, alive_until) VALUES (p_grp, p_member, v_until)
    ON CONFLICT (grp, member) DO UPDATE SET alive_until = excluded.alive_until RETURNING (m.xmax = 0) INTO v_joined;
  DELETE FROM log.member m WHERE m.grp = p_grp AND m.alive_until < v_now;
  GET DIAGNOSTICS v_buried = ROW_COUNT;

  -- An equal share; the members who came first take what is left over.
  SELECT p.parts / m.members + CASE WHEN m.rank <= p.parts % m.members THEN 1 ELSE 0 END INTO v_quota
    FROM (SELECT count(*) AS parts FROM log.position WHERE grp = p_grp) p,
      (SELECT member, row_number() OVER (ORDER BY joined_at, member) AS rank, count(*) OVER () AS members
        FROM log.member WHERE grp = p_grp) m
    WHERE m.member = p_member;

  WITH renewed AS (
    UPDATE log.position p SET lease_until = v_until FROM unnest(p_parts, p_epochs) AS h (part, epoch)
      WHERE p.grp = p_grp AND p.part = h.part AND p.epoch = h.epoch AND p.owner = p_member RETURNING p.part
  ) SELECT coalesce(array_agg(part), '{}') INTO v_held FROM renewed;

  WITH free AS (
    SELECT p.part FROM log.position p
      WHERE p.grp = p_grp AND p.part <> ALL (v_held) AND (p.owner IS NULL OR p.owner = p_member OR p.lease_until < v_now)
      ORDER BY p.part LIMIT greatest(0, v_quota - cardinality(v_held))
  ), claimed AS (
    UPDATE log.position p
      SET owner = p_member, epoch = p.epoch + 1, lease_until = v_until, taken_at = p.next,
        attempts = CASE WHEN p.taken_at IS DISTINCT FROM p.next THEN 0 WHEN p.owner IS NULL THEN p.attempts ELSE p.attempts + 1 END
      FROM free WHERE p.grp = p_grp AND p.part = free.part RETURNING p.part
  ) SELECT v_held || coalesce(array_agg(part), '{}') INTO v_held FROM claimed;

  IF v_joined OR v_buried > 0 THEN
    PERFORM log.tell(g.topic, 'g:' || g.name) FROM log.consumer_group g WHERE g.id = p_grp;
  END IF;
  RETURN QUERY SELECT p.part, p.epoch, p.next, p.attempts, v_quota FROM log.position p
    WHERE p.grp = p_grp AND p.part = ANY (v_held) ORDER BY p.part;
END $$;

-- Moves positions forward where the member still owns them, and returns those partitions. Rows are locked in order, as
-- tend locks them.
CREATE FUNCTION log.acknowledge(p_grp integer, p_member text, p_parts integer[], p_epochs bigint[], p_positions bigint[])
RETURNS SETOF integer
LANGUAGE sql AS $$
  WITH owned AS (
    SELECT p.part, a.position FROM unnest(p_parts, p_epochs, p_positions) AS a (part, epoch, position)
      JOIN log.position p ON p.grp = p_grp AND p.part = a.part AND p.epoch = a.epoch AND p.owner = p_member
      ORDER BY p.part FOR UPDATE OF p
  )
  UPDATE log.position p SET next = greatest(p.next, owned.position) FROM owned
    WHERE p.grp = p_grp AND p.part = owned.part RETURNING p.part
$$;

-- Gives up the partitions named, or with none named everything and the membership too.
CREATE FUNCTION log.release(p_grp integer, p_member text, p_parts integer[], p_epochs bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock(1835887732, p_grp);
  PERFORM FROM log.position p WHERE p.grp = p_grp ORDER BY p.part FOR UPDATE;
  IF p_parts IS NULL THEN
    UPDATE log.position p SET owner = NULL, lease_until = NULL WHERE p.grp = p_grp AND p.owner = p_member;
    DELETE FROM log.member m WHERE m.grp = p_grp AND m.member = p_member;
  ELSE
    UPDATE log.position p SET owner = NULL, lease_until = NULL FROM unnest(p_parts, p_epochs) AS h (part, epoch)
      WHERE p.grp = p_grp AND p.part = h.part AND p.epoch = h.epoch AND p.owner = p_member;
  END IF;
  PERFORM log.tell(g.topic, 'g:' || g.name) FROM log.consumer_group g WHERE g.id = p_grp;
END $$;

-- Removes at most p_rows_max batches, oldest first, that every group has read and whose append is at least p_keep_ms
-- old: those that are too old, and those beyond p_bytes. Returns how many. Each partition keeps a contiguous rest.
CREATE FUNCTION log.trim(p_topic integer, p_bytes bigint, p_keep_ms bigint, p_rows_max integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_cut timestamptz;
  v_excess bigint;
  v_parts integer[];
  v_starts bigint[];
  v_bytes bigint[];
  v_removed integer;
BEGIN
  PERFORM log.take_turn(p_topic);
  SELECT to_timestamp(t.age_cut_ms / 1000.0) INTO v_cut FROM log.topic t WHERE t.id = p_topic;
  SELECT sum(h.bytes) - p_bytes INTO v_excess FROM log.head h WHERE h.topic = p_topic;
  WITH floor AS (
    SELECT h.part, coalesce(min(p.next), h.next) AS next
      FROM log.head h LEFT JOIN log.consumer_group g ON g.topic = h.topic LEFT JOIN log.position p ON p.grp = g.id AND p.part = h.part
      WHERE h.topic = p_topic GROUP BY h.part, h.next
  ), candidate AS (
    -- The clock may have stepped back: a batch counts as no older than those before it, so that the oldest are always a prefix.
    SELECT b.part, b.base, b.count, b.bytes, max(b.appended_at) OVER (PARTITION BY b.part ORDER BY b.base) AS appended_at
      FROM floor f CROSS JOIN LATERAL (
        SELECT * FROM log.batch b WHERE b.topic = p_topic AND b.part = f.part AND b.base < f.next AND b.base + b.count <= f.next
          ORDER BY b.base LIMIT p_rows_max
      ) b
  ), ranked AS (
    SELECT c.*, sum(c.bytes) OVER (ORDER BY c.appended_at, c.part, c.base ROWS UNBOUNDED PRECEDING) - c.bytes AS bytes_before
      FROM candidate c WHERE c.appended_at <= clock_timestamp() - p_keep_ms * interval '1 millisecond'
  ), doomed AS (
    SELECT r.part, r.base FROM ranked r WHERE r.appended_at < v_cut OR r.bytes_before < v_excess
      ORDER BY r.appended_at, r.part, r.base LIMIT p_rows_max
  ), removed AS (
    DELETE FROM log.batch b USING doomed d WHERE b.topic = p_topic AND b.part = d.part AND b.base = d.base
      RETURNING b.part, b.base + b.count AS stop, b.bytes
  ), summed AS (
    SELECT part, max(stop) AS start, sum(bytes) AS bytes, count(*) AS batches FROM removed GROUP BY part
  ) SELECT array_agg(part ORDER BY part), array_agg(start ORDER BY part), array_agg(bytes ORDER BY part), coalesce(sum(batches), 0)
    INTO v_parts, v_starts, v_bytes, v_removed FROM summed;
  -- Heads last and in order: appends wait for these few rows only, not for the deletion.
  FOR i IN 1 .. coalesce(cardinality(v_parts), 0) LOOP
    UPDATE log.head h SET start = v_starts[i], bytes = h.bytes - v_bytes[i] WHERE h.topic = p_topic AND h.part = v_parts[i];
  END LOOP;
  RETURN v_removed;
END $$;
