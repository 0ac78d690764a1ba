import { compareAnswers } from '@millrace/marts';
import fc from 'fast-check';
import { readDataSet } from '../demo/data-set';
import { foldShipments, SHIPMENT_MARTS, type ShipmentEvent } from './shipment-fold';

const event = (more: Partial<ShipmentEvent>): ShipmentEvent => ({
  ...{ tenantId: 't', eventId: 'e1', eventTimeMs: 0, source: 's', shipmentId: 'x', status: 'created' },
  ...{ serviceDate: '2026-01-01', carrierCode: 'AA', facilityId: 'F1', lane: 'F1-F2', distanceMiles: 10 },
  ...{ plannedPickupMs: 0, etaMs: 600_000, driverId: null },
  ...more,
});

it('takes the plan from the first event, the driver from the last that names one, a status when it was first reached', () => {
  const { onTimePerformance, shipmentsDaily, exceptions } = foldShipments([
    event({
      eventId: 'e3',
      status: 'delivered',
      eventTimeMs: 1_499_999,
      etaMs: 9e9,
      carrierCode: 'BB',
      facilityId: 'F2',
    }),
    event({ eventId: 'e4', status: 'delivered', eventTimeMs: 2_000_000, driverId: 'D9' }),
    event({}),
  ]);
  expect(onTimePerformance).toHaveLength(1);
  expect(onTimePerformance[0]).toMatchObject({
    ...{ carrier_code: 'AA', facility_id: 'F1', eta: 600_000, driver_id: 'D9', on_time: true, picked_up: false },
    ...{ delivered_at: 1_499_999, delay_minutes: 899_999 / 60_000, pickup_delay_minutes: null },
  });
  expect(shipmentsDaily).toEqual([
    {
      ...{ tenant_id: 't', service_date: '2026-01-01', carrier_code: 'AA', created: 1, picked_up: 0, delivered: 1 },
      ...{ exceptions: 0, open: 0, distance_miles: 10 },
    },
  ]);
  expect(exceptions).toEqual([]);
});

it('is not on time from fifteen minutes on', () => {
  const { onTimePerformance } = foldShipments([event({ status: 'delivered', eventTimeMs: 1_500_000 })]);
  expect(onTimePerformance[0]).toMatchObject({ on_time: false, created: false });
});

it('counts an exception where it was first met, by the carrier of the first event', () => {
  const { exceptions } = foldShipments([
    event({ eventId: 'e2', status: 'exception', eventTimeMs: 2, facilityId: 'F2', carrierCode: 'BB' }),
    event({ eventId: 'e3', status: 'exception', eventTimeMs: 3, facilityId: 'F3' }),
    event({}),
  ]);
  expect(exceptions).toEqual([
    { tenant_id: 't', service_date: '2026-01-01', carrier_code: 'AA', facility_id: 'F2', exceptions: 1 },
  ]);
});

it('gives the same for every order of arrival', () => {
  const some = fc.array(
    fc.record({
      status: fc.constantFrom('created', 'picked_up', 'delivered', 'exception'),
      shipmentId: fc.constantFrom('x', 'y'),
      eventTimeMs: fc.nat(3),
      carrierCode: fc.constantFrom('AA', 'BB'),
      driverId: fc.constantFrom('D1', 'D2', null),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(some, fc.integer(), (drawn, seed) => {
      const events = drawn.map((more, n) => event({ eventId: `e${n}`, ...more }));
      const other = [...events].sort((a, b) => (hash(a.eventId, seed) < hash(b.eventId, seed) ? -1 : 1));
      const [one, two] = [foldShipments(events), foldShipments(other)];
      for (const name of ['shipmentsDaily', 'onTimePerformance', 'exceptions'] as const)
        expect(compareAnswers(one[name], two[name], SHIPMENT_MARTS[name])).toEqual([]);
    }),
  );
});

const hash = (text: string, seed: number): number => Math.imul(text.charCodeAt(1) * 31 + text.length, seed | 1) >>> 0;

it('makes of the bundled events what was counted from their source', () => {
  const { lines, known } = readDataSet();
  const events = new Map<string, ShipmentEvent>();
  for (const line of lines) {
    const found = shipmentEventOf(line.toString('utf8'));
    if (found) events.set(found.eventId, found);
  }
  const carriers = new Set(known.carrier.map((row) => row['carrier_code']));
  const statuses = new Set(['created', 'picked_up', 'delivered', 'exception']);
  const good = [...events.values()].filter(
    ({ carrierCode, status, distanceMiles, eventTimeMs, shipmentId }) =>
      carriers.has(carrierCode) &&
      statuses.has(status) &&
      typeof distanceMiles === 'number' &&
      eventTimeMs > 0 &&
      shipmentId,
  );
  expect(good).toHaveLength(known.counts.landed);
  const daily = foldShipments(good).shipmentsDaily;
  const columns = ['created', 'picked_up', 'delivered', 'exceptions', 'open', 'distance_miles'];
  expect(compareAnswers(known.dayCarrier, daily, { key: ['service_date', 'carrier_code'], columns })).toEqual([]);
});

function shipmentEventOf(text: string): ShipmentEvent | null {
  try {
    const { event_id, event_time, source, payload: p } = JSON.parse(text);
    return event({
      ...{
        eventId: event_id,
        eventTimeMs: Date.parse(event_time),
        source,
        shipmentId: p.shipment_id,
        status: p.status,
      },
      ...{ serviceDate: p.service_date, carrierCode: p.carrier_code, facilityId: p.facility_id, lane: p.lane },
      ...{ distanceMiles: p.distance_miles, plannedPickupMs: Date.parse(p.planned_pickup), etaMs: Date.parse(p.eta) },
      driverId: p.driver?.driver_id ?? null,
    });
  } catch {
    return null;
  }
}
