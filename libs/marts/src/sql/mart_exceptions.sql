-- Shipments that met an exception, by their carrier and by the facility where they met the first one.
-- Grain: tenant, service_date, carrier_code, facility_id. Sums to the exceptions of mart_shipments_daily.
WITH ordered AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    status,
    carrier_code,
    facility_id,
    -- The carrier is that of the shipment's first event, as in the other marts; ids settle ties.
    ROW_NUMBER() OVER (
      PARTITION BY tenant_id, service_date, shipment_id
      ORDER BY event_time, event_id, source
    ) AS seq,
    ROW_NUMBER() OVER (
      PARTITION BY tenant_id, service_date, shipment_id, status
      ORDER BY event_time, event_id, source
    ) AS status_seq
  FROM {{clean.shipment_events}}
),
shipments AS (
  SELECT
    tenant_id,
    service_date,
    shipment_id,
    MAX(CASE WHEN seq = 1 THEN carrier_code END) AS carrier_code,
    MAX(CASE WHEN status = 'exception' AND status_seq = 1 THEN facility_id END) AS facility_id,
    MAX(CASE WHEN status = 'exception' THEN 1 ELSE 0 END) AS had_exception
  FROM ordered
  GROUP BY tenant_id, service_date, shipment_id
)
SELECT
  tenant_id,
  service_date,
  carrier_code,
  facility_id,
  COUNT(*) AS exceptions
FROM shipments
WHERE had_exception = 1
GROUP BY tenant_id, service_date, carrier_code, facility_id
