import { contentIdOfItem } from '@millrace/envelope';
import type { EventBody, EventStream, EventType, StreamOptions } from './event';
import { inventoryStream } from './inventory';
import { orderStream } from './order';
import { shipmentStream } from './shipment';
import { telemetryStream } from './telemetry';
import { userActivityStream } from './user-activity';

const STREAMS: Readonly<Record<EventType, (options: StreamOptions) => EventStream>> = {
  order: orderStream,
  inventory: inventoryStream,
  user_activity: userActivityStream,
  shipment: shipmentStream,
  telemetry: telemetryStream,
};

/** Mean time between two events where nobody asks for a rate, ms. */
export const GAP_MS: Readonly<Record<EventType, number>> = {
  order: 120_000,
  inventory: 20_000,
  user_activity: 2_500,
  shipment: 120_000,
  telemetry: 1_000,
};

/** Events of a type without end; the same options give the same events, byte for byte. */
export const createStream = (type: EventType, options: StreamOptions): EventStream => STREAMS[type](options);

/**
 * The id that Millrace will know an event by: its own, or for a flat event its content id.
 *
 * @param bytes the event as it is sent
 */
export function eventIdOf(body: EventBody, bytes: Buffer): string {
  const own = body['event_id'];
  return typeof own === 'string' ? own : (contentIdOfItem(bytes) as string);
}
