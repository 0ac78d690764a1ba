export const PROGRESS = `
  SELECT number, early_ms, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms
    FROM curation_worker.time_progress FOR UPDATE SKIP LOCKED`;

/** The line is locked until a landing's end: what is visible has no gap. */
export const DELTAS = `
  SELECT m.number, m.batch_id, m.topic, m.partition, d.deltas
    FROM curation_worker.manifest m LEFT JOIN curation_worker.time_delta d USING (batch_id)
   WHERE m.number > $1 ORDER BY m.number LIMIT $2`;

export const TENANTS = 'SELECT tenant, watermark_ms, pruned_to_ms FROM curation_worker.time_tenant';
export const SOURCES = 'SELECT tenant, topic, partition, reached_ms, seen_ms FROM curation_worker.time_source';

export const TENANTS_NAMED = `${TENANTS} WHERE tenant = ANY($1::text[])`;
export const TENANTS_AFTER = `${TENANTS} WHERE $1::text IS NULL OR tenant > $1 ORDER BY tenant LIMIT $2`;
export const SOURCES_OF = `${SOURCES} WHERE tenant = ANY($1::text[])`;

export const NAMES = `
  SELECT tenant, dimension, name FROM curation_worker.time_name
    JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (tenant, dimension, name) USING (tenant, dimension, name)`;

export const NAME_COUNTS = `
  SELECT tenant, dimension, count(*) AS names FROM curation_worker.time_name
   WHERE tenant = ANY($1::text[]) GROUP BY tenant, dimension`;

const WINDOW = `w.tenant, w.kind, w.start_ms, w.event_type, w.facility, w.end_ms, w.events, w.late, w.lateness_seconds_max,
  w.revision, w.fired, w.changed`;

export const WINDOWS = `
  SELECT ${WINDOW}
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) AS k (tenant, kind, start_ms, event_type, facility)
    JOIN curation_worker.kpi_window w USING (tenant, kind, start_ms, event_type, facility)`;

const IS_OPEN = `(w.fired IS NULL OR w.fired = 'early')`;

export const DUE = `
  SELECT ${WINDOW}
    FROM unnest($1::text[], $2::bigint[]) AS t (tenant, watermark_ms)
    JOIN curation_worker.kpi_window w ON w.tenant = t.tenant AND w.end_ms <= t.watermark_ms
   WHERE ${IS_OPEN} ORDER BY w.end_ms LIMIT $3`;

export const CHANGED = `
  SELECT ${WINDOW} FROM curation_worker.kpi_window w WHERE ${IS_OPEN} AND w.changed LIMIT $1`;

/** @param more conditions on what is asked for, with their parameters from $6 on */
export const windowsPage = (more: string): string => `
  SELECT ${WINDOW} FROM curation_worker.kpi_window w
   WHERE w.tenant = $1 AND w.kind = $2 AND w.start_ms BETWEEN $3 AND $4 ${more}
   ORDER BY w.start_ms, w.event_type, w.facility LIMIT $5`;

export const STORE_PROGRESS = 'UPDATE curation_worker.time_progress SET number = $1, early_ms = $2';
export const FORGET_DELTAS = 'DELETE FROM curation_worker.time_delta WHERE batch_id = ANY($1::bigint[])';

export const STORE_TENANTS = `
  INSERT INTO curation_worker.time_tenant AS t (tenant, watermark_ms, pruned_to_ms)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
  ON CONFLICT (tenant) DO UPDATE SET watermark_ms = EXCLUDED.watermark_ms`;

export const STORE_SOURCES = `
  INSERT INTO curation_worker.time_source AS s (tenant, topic, partition, reached_ms, seen_ms)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
  ON CONFLICT (tenant, topic, partition) DO UPDATE SET reached_ms = EXCLUDED.reached_ms, seen_ms = EXCLUDED.seen_ms`;

export const STORE_NAMES = `
  INSERT INTO curation_worker.time_name (tenant, dimension, name)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`;

export const STORE_WINDOWS = `
  INSERT INTO curation_worker.kpi_window AS w
         (tenant, kind, start_ms, event_type, facility, end_ms, events, late, lateness_seconds_max, revision, fired, changed)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[],
                       $9::bigint[], $10::integer[], $11::text[], $12::boolean[])
  ON CONFLICT (tenant, kind, start_ms, event_type, facility) DO UPDATE
     SET events = EXCLUDED.events, late = EXCLUDED.late, lateness_seconds_max = EXCLUDED.lateness_seconds_max,
         revision = EXCLUDED.revision, fired = EXCLUDED.fired, changed = EXCLUDED.changed, updated_at = clock_timestamp()`;

const added = (column: string): string => `
  (SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY i)
     FROM unnest(s.${column}, EXCLUDED.${column}) WITH ORDINALITY AS t (a, b, i))`;

export const ADD_SOURCE_TIMES = `
  INSERT INTO curation_worker.source_time AS s (tenant, hour, source, lateness, lateness_sum, skew, skew_sum)
  SELECT tenant, hour, source, lateness::bigint[], lateness_sum, skew::bigint[], skew_sum
    FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::float8[])
      AS t (tenant, hour, source, lateness, lateness_sum, skew, skew_sum)
  ON CONFLICT (tenant, hour, source) DO UPDATE
     SET lateness = ${added('lateness')}, lateness_sum = s.lateness_sum + EXCLUDED.lateness_sum,
         skew = ${added('skew')}, skew_sum = s.skew_sum + EXCLUDED.skew_sum`;

export const ADD_LATE = `
  INSERT INTO curation_worker.late_data AS l
         (tenant, day, source, contract, events, first_accepted, last_accepted, lateness_seconds_max)
  SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::bigint[])
  ON CONFLICT (tenant, day, source, contract) DO UPDATE
     SET events = l.events + EXCLUDED.events,
         first_accepted = least(l.first_accepted, EXCLUDED.first_accepted),
         last_accepted = greatest(l.last_accepted, EXCLUDED.last_accepted),
         lateness_seconds_max = greatest(l.lateness_seconds_max, EXCLUDED.lateness_seconds_max)`;

export const latePage = (more: string): string => `
  SELECT day::text, source, contract, events, first_accepted, last_accepted, lateness_seconds_max
    FROM curation_worker.late_data WHERE tenant = $1 ${more} ORDER BY day, source, contract LIMIT $2`;

export const sourcesPage = (more: string): string => `
  SELECT hour, source, lateness, lateness_sum, skew, skew_sum
    FROM curation_worker.source_time WHERE tenant = $1 ${more} ORDER BY hour, source LIMIT $2`;

/**
 * Moves a tenant's horizon to where nothing changed for a while. The progress row is held: no round counts in windows
 * that are being forgotten.
 */
export const MOVE_HORIZONS = `
  UPDATE curation_worker.time_tenant t
     SET pruned_to_ms = h.to_ms
    FROM (SELECT tenant, least(watermark_ms - $1::bigint,
                   (SELECT min(w.end_ms) - 1 FROM curation_worker.kpi_window w
                     WHERE w.tenant = t.tenant AND w.end_ms <= t.watermark_ms - $1::bigint
                       AND w.updated_at > clock_timestamp() - $2 * interval '1 ms')) AS to_ms
            FROM curation_worker.time_tenant t) h
   WHERE h.tenant = t.tenant AND (t.pruned_to_ms IS NULL OR t.pruned_to_ms < h.to_ms)`;

export const FORGET_WINDOWS = `
  DELETE FROM curation_worker.kpi_window WHERE ctid = ANY (ARRAY(
    SELECT w.ctid FROM curation_worker.time_tenant t JOIN curation_worker.kpi_window w
        ON w.tenant = t.tenant AND w.end_ms <= t.pruned_to_ms LIMIT $1))`;

export const FORGET_SOURCES = `
  DELETE FROM curation_worker.source_time WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM curation_worker.source_time WHERE hour < clock_timestamp() - $1 * interval '1 ms' LIMIT $2))`;

export const FORGET_LATE = `
  DELETE FROM curation_worker.late_data WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM curation_worker.late_data WHERE last_accepted < clock_timestamp() - $1 * interval '1 ms' LIMIT $2))`;
