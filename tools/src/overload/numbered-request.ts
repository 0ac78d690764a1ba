import { shipmentEvent } from '../bench/load';

const DIGITS = 12;
const MARK = `#${'0'.repeat(DIGITS)}`;

export interface NumberedRequest {
  readonly bytes: Buffer;
  /** Where the running number of each of its events is written, several times an event. */
  readonly places: readonly (readonly number[])[];
}

/** One POST /v1/events of `events` valid shipment events of about 600 bytes, whose ids are numbered in place. */
export function numberedRequest(run: string, events: number, seed: number): NumberedRequest {
  const items = Array.from({ length: events }, (_, n) => {
    const event = JSON.parse(shipmentEvent(run, seed + n)) as { event_id: string; payload: { shipment_id: string } };
    const carrier = /-([A-Z0-9]{2})/.exec(event.payload.shipment_id)?.[1] ?? 'AA';
    event.payload.shipment_id = `${run}-${carrier}${MARK}`;
    event.event_id = `${event.payload.shipment_id}:${event.event_id.split(':').at(-1)}`;
    return JSON.stringify(event);
  });
  const single = events === 1;
  const body = single ? (items[0] as string) : items.map((item) => `${item}\n`).join('');
  const head = [
    'POST /v1/events HTTP/1.1',
    'host: 127.0.0.1',
    `content-type: ${single ? 'application/json' : 'application/x-ndjson'}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1');
  const all: number[] = [];
  for (let at = -1; (at = bytes.indexOf(MARK, at + 1, 'latin1')) >= 0;) all.push(at + 1);
  // Two places an event: its id and its shipment's.
  const places = Array.from({ length: events }, (_, n) => all.slice(2 * n, 2 * n + 2));
  return { bytes, places };
}

/** Numbers the events from `first` on; returns the number after the last. */
export function renumber({ bytes, places }: NumberedRequest, first: number): number {
  let number = first;
  for (const own of places) {
    for (const place of own) {
      let rest = number;
      for (let digit = DIGITS - 1; digit >= 0; digit--) {
        bytes[place + digit] = 0x30 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
    number++;
  }
  return number;
}
