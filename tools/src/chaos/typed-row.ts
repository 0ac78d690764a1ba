import type { ShipmentEvent } from '../checker/shipment-fold';

const COLUMNS: Readonly<Record<keyof ShipmentEvent, string>> = {
  tenantId: 'tenant_id',
  eventId: 'event_id',
  eventTimeMs: 'epoch_ms(event_time)',
  source: 'source',
  shipmentId: 'shipment_id',
  status: 'status',
  serviceDate: 'service_date::text',
  carrierCode: 'carrier_code',
  facilityId: 'facility_id',
  lane: 'lane',
  distanceMiles: 'distance_miles',
  plannedPickupMs: 'epoch_ms(planned_pickup)',
  etaMs: 'epoch_ms(eta)',
  driverId: 'driver_id',
};

/** What of `clean.shipment_events` an event is compared by. */
export const shipmentColumns = Object.entries(COLUMNS)
  .map(([name, sql]) => `${sql} AS "${name}"`)
  .join(', ');

/** A row as the event that it should be, member for member in the same order. */
export function shipmentOfRow(row: Readonly<Record<string, unknown>>): ShipmentEvent {
  const values = Object.keys(COLUMNS).map((name) => {
    const value = row[name];
    return [name, typeof value === 'bigint' ? Number(value) : value];
  });
  return Object.fromEntries(values) as ShipmentEvent;
}
