-- A lease that lasts ten times as long as any is given is of before the clock was set back: its member may be long dead,
-- and would keep its partitions, and its share of them, for as long as the clock was ahead.
CREATE OR REPLACE FUNCTION log.tend(p_grp integer, p_member text, p_lease_ms integer, p_parts integer[], p_epochs bigint[])
RETURNS TABLE (o_part integer, o_epoch bigint, o_position bigint, o_attempts integer, o_quota integer)
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz;
  v_until timestamptz;
  v_never timestamptz;
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
  v_never := v_now + 10 * p_lease_ms * interval '1 millisecond';

  INSERT INTO log.member AS m (grp, member, alive_until) VALUES (p_grp, p_member, v_until)
    ON CONFLICT (grp, member) DO UPDATE SET alive_until = excluded.alive_until RETURNING (m.xmax = 0) INTO v_joined;
  DELETE FROM log.member m WHERE m.grp = p_grp AND (m.alive_until < v_now OR m.alive_until > v_never);
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
      WHERE p.grp = p_grp AND p.part <> ALL (v_held) AND (p.owner IS NULL OR p.owner = p_member OR p.lease_until < v_now
          OR p.lease_until > v_never)
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
