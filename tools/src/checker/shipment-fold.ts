/**
 * The shipment marts as a plain fold over events, written apart from their SQL: what rows there must be, whatever the
 * order of arrival was. Times are epoch milliseconds.
 */
export interface ShipmentEvent {
  readonly tenantId: string;
  readonly eventId: string;
  readonly eventTimeMs: number;
  readonly source: string;
  readonly shipmentId: string;
  readonly status: string;
  readonly serviceDate: string;
  readonly carrierCode: string;
  readonly facilityId: string;
  readonly lane: string;
  readonly distanceMiles: number;
  readonly plannedPickupMs: number;
  readonly etaMs: number;
  readonly driverId: string | null;
}

export interface ShipmentMarts {
  readonly shipmentsDaily: Record<string, unknown>[];
  readonly onTimePerformance: Record<string, unknown>[];
  readonly exceptions: Record<string, unknown>[];
}

/** On time is less than this after eta. */
const ON_TIME_MS = 15 * 60_000;

/** Folds events, each once, in any order. */
export function foldShipments(events: Iterable<ShipmentEvent>): ShipmentMarts {
  const shipments = new Map<string, ShipmentEvent[]>();
  for (const event of events) {
    const key = JSON.stringify([event.tenantId, event.serviceDate, event.shipmentId]);
    const others = shipments.get(key);
    if (others) others.push(event);
    else shipments.set(key, [event]);
  }
  const daily = new Map<string, Record<string, number | string>>();
  const exceptions = new Map<string, Record<string, number | string>>();
  const onTimePerformance: Record<string, unknown>[] = [];
  for (const unordered of shipments.values()) {
    const story = [...unordered].sort(earlier);
    const [first] = story;
    const row = onTimeOf(story);
    onTimePerformance.push(row);
    const place = { tenant_id: first.tenantId, service_date: first.serviceDate, carrier_code: first.carrierCode };
    const day = entryOf(daily, place, {
      ...{ created: 0, picked_up: 0, delivered: 0, exceptions: 0, open: 0, distance_miles: 0 },
    });
    add(day, 'created', row.created);
    add(day, 'picked_up', row.picked_up);
    add(day, 'delivered', row.delivered);
    add(day, 'exceptions', row.had_exception);
    add(day, 'open', !row.delivered && !row.had_exception);
    day['distance_miles'] = Number(day['distance_miles']) + first.distanceMiles;
    const exception = story.find(({ status }) => status === 'exception');
    if (exception)
      add(entryOf(exceptions, { ...place, facility_id: exception.facilityId }, { exceptions: 0 }), 'exceptions', true);
  }
  return { shipmentsDaily: [...daily.values()], onTimePerformance, exceptions: [...exceptions.values()] };
}

function onTimeOf(story: readonly ShipmentEvent[]) {
  const [first] = story;
  const reached = (status: string): number | null =>
    story.find((event) => event.status === status)?.eventTimeMs ?? null;
  const pickedUp = reached('picked_up');
  const delivered = reached('delivered');
  const minutes = (at: number | null, plan: number): number | null => (at === null ? null : (at - plan) / 60_000);
  return {
    tenant_id: first.tenantId,
    service_date: first.serviceDate,
    shipment_id: first.shipmentId,
    carrier_code: first.carrierCode,
    facility_id: first.facilityId,
    lane: first.lane,
    driver_id: [...story].reverse().find(({ driverId }) => driverId !== null)?.driverId ?? null,
    distance_miles: first.distanceMiles,
    created: reached('created') !== null,
    picked_up: pickedUp !== null,
    delivered: delivered !== null,
    had_exception: reached('exception') !== null,
    on_time: delivered !== null && delivered - first.etaMs < ON_TIME_MS,
    planned_pickup: first.plannedPickupMs,
    eta: first.etaMs,
    picked_up_at: pickedUp,
    delivered_at: delivered,
    delay_minutes: minutes(delivered, first.etaMs),
    pickup_delay_minutes: minutes(pickedUp, first.plannedPickupMs),
  };
}

/** By time; ids settle ties, then sources. Compared as UTF-8 would be, as DuckDB and BigQuery do. */
function earlier(a: ShipmentEvent, b: ShipmentEvent): number {
  return (
    a.eventTimeMs - b.eventTimeMs ||
    Buffer.compare(Buffer.from(a.eventId), Buffer.from(b.eventId)) ||
    Buffer.compare(Buffer.from(a.source), Buffer.from(b.source))
  );
}

function entryOf(
  map: Map<string, Record<string, number | string>>,
  key: Record<string, string>,
  zero: Record<string, number>,
): Record<string, number | string> {
  const text = JSON.stringify(Object.values(key));
  let entry = map.get(text);
  if (!entry) map.set(text, (entry = { ...key, ...zero }));
  return entry;
}

function add(row: Record<string, number | string>, column: string, counts: boolean): void {
  if (counts) row[column] = Number(row[column]) + 1;
}

/** How each mart is compared: its key, and all its other columns. */
export const SHIPMENT_MARTS = {
  shipmentsDaily: {
    id: 'mart.shipments_daily',
    key: ['tenant_id', 'service_date', 'carrier_code'],
    columns: ['created', 'picked_up', 'delivered', 'exceptions', 'open', 'distance_miles'],
  },
  onTimePerformance: {
    id: 'mart.on_time_performance',
    key: ['tenant_id', 'service_date', 'shipment_id'],
    columns: [
      ...['carrier_code', 'facility_id', 'lane', 'driver_id', 'distance_miles', 'created', 'picked_up', 'delivered'],
      ...['had_exception', 'on_time', 'planned_pickup', 'eta', 'picked_up_at', 'delivered_at', 'delay_minutes'],
      'pickup_delay_minutes',
    ],
  },
  exceptions: {
    id: 'mart.exceptions',
    key: ['tenant_id', 'service_date', 'carrier_code', 'facility_id'],
    columns: ['exceptions'],
  },
} as const;
