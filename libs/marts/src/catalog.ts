import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { MartColumn, MartDefinition, MartDimension } from './mart';

const column = (name: string, type: string, doc: string): MartColumn => ({ name, type, doc });

const TENANT = column('tenant_id', 'string', 'Whose shipments.');
const SERVICE_DATE = column('service_date', 'date', 'Local day of the service at its origin; the partition.');
const CARRIER = column('carrier_code', 'string', "The shipment's carrier, as its first event says.");

/** A mart over the shipment events, by service day. Its SQL lies in sql/. */
function shipmentMart(
  name: string,
  columns: readonly MartColumn[],
  dimensions: readonly MartDimension[] = [],
): MartDefinition {
  return {
    id: `mart.${name}`,
    name: `mart_${name}`,
    sql: readFileSync(path.join(__dirname, 'sql', `mart_${name}.sql`), 'utf8'),
    sources: ['clean.shipment_events'],
    dimensions,
    partitionColumn: 'service_date',
    partitionExpression: 'service_date',
    columns,
  };
}

export const SHIPMENTS_DAILY = shipmentMart('shipments_daily', [
  TENANT,
  SERVICE_DATE,
  CARRIER,
  column('created', 'long', 'Shipments that were created.'),
  column('picked_up', 'long', 'Shipments that were picked up.'),
  column('delivered', 'long', 'Shipments that were delivered.'),
  column('exceptions', 'long', 'Shipments that met an exception.'),
  column('open', 'long', 'Shipments neither delivered nor met by an exception.'),
  column('distance_miles', 'long', 'Miles of all shipments together.'),
]);

const text = (name: string) => ({ name, type: 'string' });

/** Loaded by people; keyed as the events name them. */
const CARRIERS: MartDimension = {
  table: 'dim.carriers',
  attributes: [text('name')],
  sourceKey: 'carrier_code',
  sourceTime: 'event_time',
};
const FACILITIES: MartDimension = {
  table: 'dim.facilities',
  attributes: [text('name'), text('tzone')],
  sourceKey: 'facility_id',
  sourceTime: 'event_time',
};

export const ON_TIME_PERFORMANCE = shipmentMart(
  'on_time_performance',
  [
    TENANT,
    SERVICE_DATE,
    column('shipment_id', 'string', 'The shipment.'),
    CARRIER,
    column('facility_id', 'string', 'Where the shipment started: the facility of its first event.'),
    column('lane', 'string', 'Origin and destination.'),
    column('driver_id', 'string', 'The last driver named; null where none was.'),
    column('distance_miles', 'long', 'Length of the lane in miles.'),
    column('created', 'boolean', 'Whether it was created.'),
    column('picked_up', 'boolean', 'Whether it was picked up.'),
    column('delivered', 'boolean', 'Whether it was delivered.'),
    column('had_exception', 'boolean', 'Whether it met an exception.'),
    column('on_time', 'boolean', 'Delivered less than 15 minutes after eta.'),
    column('planned_pickup', 'timestamp', 'As its first event says.'),
    column('eta', 'timestamp', 'As its first event says.'),
    column('picked_up_at', 'timestamp', 'When it was first picked up; null until then.'),
    column('delivered_at', 'timestamp', 'When it was first delivered; null until then.'),
    column('delay_minutes', 'double', 'Delivery after eta, negative when early; null until delivered.'),
    column('pickup_delay_minutes', 'double', 'Pickup after plan, negative when early; null until picked up.'),
    column(
      'carrier_name',
      'string',
      "The carrier's name when the shipment began; null where dim.carriers had none then.",
    ),
    column('facility_name', 'string', "The facility's name then, of dim.facilities."),
    column('facility_time_zone', 'string', "The facility's time zone then, of dim.facilities."),
  ],
  [CARRIERS, FACILITIES],
);

export const EXCEPTIONS = shipmentMart('exceptions', [
  TENANT,
  SERVICE_DATE,
  CARRIER,
  column('facility_id', 'string', 'Where the shipment met its first exception.'),
  column('exceptions', 'long', 'Shipments.'),
]);

/** All marts, in the order in which they are built. */
export const MARTS: readonly MartDefinition[] = [SHIPMENTS_DAILY, ON_TIME_PERFORMANCE, EXCEPTIONS];
