import { derivedEventId, inspect, mintEventId } from '@millrace/envelope';
import { assertEventSize, type CaptureDeps, refused, store } from './capture';
import { assertUtf8, contentTypeOf, unsupportedMedia } from './content-type';
import type { Answer, CapturedRequest } from './http';

export interface SingleDeps extends CaptureDeps {
  readonly clock: { now(): number };
  readonly random: { bytes(count: number): Buffer };
}

export const SINGLE_ROUTE = 'POST /events';

/**
 * `POST /events`: `{eventType, payload, metadata?}`. The event's id is minted here, or derived from the
 * Idempotency-Key, so that a repetition of the request is the same event. Whatever breaks a rule is refused with 400 and
 * not kept: one caller waits for one answer and can mend it.
 */
export function createSingleHandler(
  deps: SingleDeps,
): (request: CapturedRequest, key: string | undefined) => Promise<Answer> {
  return async (request, key) => {
    const type = contentTypeOf(request);
    if (type.media !== 'application/json') throw unsupportedMedia(type.media, ['application/json']);
    assertUtf8(type);
    assertEventSize(request.body);
    const id =
      key === undefined ? mintEventId(deps.clock, deps.random) : derivedEventId(request.tenant, SINGLE_ROUTE, key, 0);
    const headers = deps.receive(request, { format: 'events-api', source: 'http', id });
    const seen = inspect(request.body, headers);
    if (!seen.ok) throw refused(seen.refusal);
    await store(deps, [{ headers, value: request.body }]);
    return { status: 201, text: `{"success":true,"eventId":"${id}","message":"Event accepted"}` };
  };
}
