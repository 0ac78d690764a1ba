-- How many shipments each carrier had on each service day, and what became of them.
-- Grain: tenant, service_date, carrier_code. Counts are of shipments, never of events.
WITH ordered AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    status,
    carrier_code,
    distance_miles,
    -- The first thing known about a shipment is its plan; ids settle ties, so that no order of arrival matters.
    ROW_NUMBER() OVER (
      PARTITION BY tenant_id, service_date, shipment_id
      ORDER BY event_time, event_id, source
    ) AS seq
  FROM {{clean.shipment_events}}
),
shipments AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    MAX(CASE WHEN seq = 1 THEN carrier_code END) AS carrier_code,
    MAX(CASE WHEN seq = 1 THEN distance_miles END) AS distance_miles,
    MAX(CASE WHEN status = 'created' THEN 1 ELSE 0 END) AS was_created,
    MAX(CASE WHEN status = 'picked_up' THEN 1 ELSE 0 END) AS was_picked_up,
    MAX(CASE WHEN status = 'delivered' THEN 1 ELSE 0 END) AS was_delivered,
    MAX(CASE WHEN status = 'exception' THEN 1 ELSE 0 END) AS had_exception
  FROM ordered
  GROUP BY tenant_id, service_date, shipment_id
)
SELECT
  tenant_id,
  service_date,
  carrier_code,
  COUNT(CASE WHEN was_created = 1 THEN 1 END) AS created,
  COUNT(CASE WHEN was_picked_up = 1 THEN 1 END) AS picked_up,
  COUNT(CASE WHEN was_delivered = 1 THEN 1 END) AS delivered,
  COUNT(CASE WHEN had_exception = 1 THEN 1 END) AS exceptions,
  COUNT(CASE WHEN was_delivered = 0 AND had_exception = 0 THEN 1 END) AS open,
  CAST(SUM(distance_miles) AS BIGINT) AS distance_miles
FROM shipments
GROUP BY tenant_id, service_date, carrier_code
