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
    MAX(CASE WHEN seq = 1 THEN event_time END) AS began_at,
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
  m.tenant_id,
  m.service_date,
  m.shipment_id,
  m.carrier_code,
  m.facility_id,
  m.lane,
  m.driver_id,
  m.distance_miles,
  m.created_at IS NOT NULL AS created,
  m.picked_up_at IS NOT NULL AS picked_up,
  m.delivered_at IS NOT NULL AS delivered,
  m.exception_at IS NOT NULL AS had_exception,
  COALESCE(m.delay_minutes < 15, FALSE) AS on_time,
  m.planned_pickup,
  m.eta,
  m.picked_up_at,
  m.delivered_at,
  m.delay_minutes,
  m.pickup_delay_minutes,
  carriers.name AS carrier_name,
  facilities.name AS facility_name,
  facilities.tzone AS facility_time_zone
FROM measured m
-- As of when the shipment began: what a dimension says later of that time corrects it, what it says of later does not.
LEFT JOIN {{dim.carriers}} carriers
  ON carriers.tenant_id = m.tenant_id AND carriers.dimension_key = m.carrier_code
  AND m.began_at >= carriers.valid_from AND (carriers.valid_to IS NULL OR m.began_at < carriers.valid_to)
LEFT JOIN {{dim.facilities}} facilities
  ON facilities.tenant_id = m.tenant_id AND facilities.dimension_key = m.facility_id
  AND m.began_at >= facilities.valid_from AND (facilities.valid_to IS NULL OR m.began_at < facilities.valid_to)
