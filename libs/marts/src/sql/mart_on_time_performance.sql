-- Each shipment against its plan: one row a shipment and service day, so that any grouping has exact medians and percentiles.
-- Grain: tenant, service_date, shipment_id. On time is less than 15 minutes after eta.
WITH ordered AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    status,
    event_time,
    carrier_code,
    facility_id,
    lane,
    distance_miles,
    planned_pickup,
    eta,
    -- The plan is what the shipment's first event says: a carrier that moves its eta is not on time by that.
    ROW_NUMBER() OVER (
      PARTITION BY tenant_id, service_date, shipment_id
      ORDER BY event_time, event_id, source
    ) AS seq,
    -- A driver may be assigned after creation, or change: the last one named counts.
    LAST_VALUE(driver_id IGNORE NULLS) OVER (
      PARTITION BY tenant_id, service_date, shipment_id
      ORDER BY event_time, event_id, source
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS last_driver_id
  FROM {{clean.shipment_events}}
),
shipments AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    MAX(CASE WHEN seq = 1 THEN carrier_code END) AS carrier_code,
    MAX(CASE WHEN seq = 1 THEN facility_id END) AS facility_id,
    MAX(CASE WHEN seq = 1 THEN lane END) AS lane,
    MAX(last_driver_id) AS driver_id,
    MAX(CASE WHEN seq = 1 THEN distance_miles END) AS distance_miles,
    MAX(CASE WHEN seq = 1 THEN planned_pickup END) AS planned_pickup,
    MAX(CASE WHEN seq = 1 THEN eta END) AS eta,
    -- A status told twice happened when it was first reached.
    MIN(CASE WHEN status = 'created' THEN event_time END) AS created_at,
    MIN(CASE WHEN status = 'picked_up' THEN event_time END) AS picked_up_at,
    MIN(CASE WHEN status = 'delivered' THEN event_time END) AS delivered_at,
    MIN(CASE WHEN status = 'exception' THEN event_time END) AS exception_at
  FROM ordered
  GROUP BY tenant_id, service_date, shipment_id
),
measured AS (
  SELECT
    *,
    (UNIX_MICROS(delivered_at) - UNIX_MICROS(eta)) / 60000000.0 AS delay_minutes,
    (UNIX_MICROS(picked_up_at) - UNIX_MICROS(planned_pickup)) / 60000000.0 AS pickup_delay_minutes
  FROM shipments
)
SELECT
  tenant_id,
  service_date,
  shipment_id,
  carrier_code,
  facility_id,
  lane,
  driver_id,
  distance_miles,
  created_at IS NOT NULL AS created,
  picked_up_at IS NOT NULL AS picked_up,
  delivered_at IS NOT NULL AS delivered,
  exception_at IS NOT NULL AS had_exception,
  COALESCE(delay_minutes < 15, FALSE) AS on_time,
  planned_pickup,
  eta,
  picked_up_at,
  delivered_at,
  delay_minutes,
  pickup_delay_minutes
FROM measured
