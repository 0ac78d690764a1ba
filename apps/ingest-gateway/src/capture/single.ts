import { decode, derivedEventId, mintEventId } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import { type CaptureDeps, createReception, DEFAULT_TENANT, refused, store } from './capture';
import type { Answer, CapturedRequest } from './http';
import { mediaType } from './http';
import { EVENT_BYTES_MAX } from './limits';

export interface SingleDeps extends CaptureDeps {
  readonly random: { bytes(count: number): Buffer };
}

export const SINGLE_ROUTE = 'POST /events';

/**
 * `POST /events`: `{eventType, payload, metadata?}`. The event's id is minted here, or derived from the
 * Idempotency-Key, so that a repetition of the request is the same event.
 */
export function createSingleHandler(deps: SingleDeps): (request: CapturedRequest, key: string | undefined) => Promise<Answer> {
  const receive = createReception(deps.now);
  return async (request, key) => {
    const type = mediaType(request);
    if (type !== 'application/json') {
      const detail = `An event comes as application/json${type ? `; this is ${type}` : ''}.`;
      throw new ProblemException(415, { detail, errors: [{ path: 'header.content-type', rule: 'media_type', detail }] });
    }
    if (request.body.length > EVENT_BYTES_MAX) {
      throw refused({ reason: 'item_too_large', rule: `an event has at most ${EVENT_BYTES_MAX} bytes`, path: '$' });
    }
    const eventId = key === undefined ? mintEventId(deps, deps.random) : derivedEventId(DEFAULT_TENANT, SINGLE_ROUTE, key, 0);
    const headers = receive(request, { format: 'events-api', source: 'http', id: eventId });
    const decoded = decode(request.body, headers);
    if (!decoded.ok) throw refused(decoded.refusal);
    await store(deps, [{ headers, value: request.body }]);
    return { status: 201, body: { success: true, eventId, message: 'Event accepted' } };
  };
}
