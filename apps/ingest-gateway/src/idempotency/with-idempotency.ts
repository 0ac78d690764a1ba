import { ProblemException } from '@millrace/service';
import { DEFAULT_TENANT } from '../capture/capture';
import { header, type Answer, type CapturedRequest } from '../capture/http';
import { type IdempotencyStore, IDEMPOTENCY_KEY_CHARS_MAX, isIdempotencyKey, requestHash } from './idempotency';

/** An answer whose body is the exact text that was sent the first time. */
export interface SentAnswer extends Answer {
  readonly text?: string;
}

/** Handles a request, given the Idempotency-Key that minted ids derive from. */
export type KeyedHandler = (request: CapturedRequest, key: string | undefined) => Promise<Answer>;

/**
 * Answers a repeated Idempotency-Key with the first answer; 422 when the request differs, 409 while the first is under
 * way. Answers below 500 are kept, refusals among them: the same bytes would be refused again.
 */
export function withIdempotency(store: IdempotencyStore, route: string, handler: KeyedHandler): (request: CapturedRequest) => Promise<SentAnswer> {
  return async (request) => {
    const key = header(request, 'idempotency-key');
    if (key === undefined) return handler(request, undefined);
    if (!isIdempotencyKey(key)) {
      const detail = `Idempotency-Key must be 1-${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters`;
      throw new ProblemException(400, { detail, errors: [{ path: 'header.idempotency-key', rule: 'format', detail }] });
    }
    const id = { tenant: DEFAULT_TENANT, route, key };
    const query = JSON.stringify(Object.entries(request.query).sort());
    const begun = await store.begin(id, requestHash(header(request, 'content-type') ?? '', query, request.body));
    switch (begun.outcome) {
      case 'mismatch':
        throw new ProblemException(422, { detail: 'This Idempotency-Key was used with another request.' });
      case 'in_flight':
        throw new ProblemException(
          409,
          { detail: 'The first request under this Idempotency-Key is under way.' },
          { 'retry-after': String(begun.retryAfterSeconds) },
        );
      case 'replay':
        return replayed(begun.answer);
      case 'first':
        break;
    }
    try {
      const answer = await handler(request, key);
      // The events are durable, so this answer is true whether or not it can be remembered: the next request under the
      // key would be handled anew after the lock's time, and make the same ids.
      await store.complete(id, { status: answer.status, body: JSON.stringify(answer.body) }).catch(() => undefined);
      return answer;
    } catch (error) {
      if (error instanceof ProblemException && error.status < 500) {
        await store.complete(id, { status: error.status, body: JSON.stringify(error.problem) }).catch(() => undefined);
      } else {
        await store.abandon(id).catch(() => undefined);
      }
      throw error;
    }
  };
}

function replayed({ status, body }: { status: number; body: string }): SentAnswer {
  if (status < 400) return { status, body: null, text: body };
  throw new ProblemException(status, JSON.parse(body));
}
