import { ProblemException } from '@millrace/service';
import type { Answer, CapturedRequest, CaptureHandler } from '../capture/http';
import type { IdempotencyStore, KeyId, StoredAnswer } from './idempotency';
import { idempotencyKeyOf, requestHash } from './key';

/** Handles a request, given the Idempotency-Key that minted ids derive from. */
export type KeyedHandler = (request: CapturedRequest, key: string | undefined) => Promise<Answer>;

/** Of answers that repeat what was sent: how they are kept without it, and told again to who has sent the same. */
export interface Echo {
  kept(answer: StoredAnswer): StoredAnswer;
  told(answer: StoredAnswer, request: CapturedRequest): StoredAnswer;
}

const NO_ECHO: Echo = { kept: (answer) => answer, told: (answer) => answer };

/** Marks an answer that was given before. */
const REPLAYED = { 'idempotency-replayed': 'true' };

/**
 * Answers a repeated Idempotency-Key with the first answer; 422 when the request differs, 409 while the first is under
 * way. Answers below 500 are kept, refusals among them: the same bytes would be refused again.
 */
export function withIdempotency(
  store: IdempotencyStore,
  route: string | ((request: CapturedRequest) => string),
  handler: KeyedHandler,
  echo: Echo = NO_ECHO,
): CaptureHandler {
  return (request) => {
    const key = idempotencyKeyOf(request);
    if (key === undefined) return handler(request, undefined);
    const id = { tenant: request.tenant, route: typeof route === 'string' ? route : route(request), key };
    return once(store, id, request, handler, echo);
  };
}

async function once(
  store: IdempotencyStore,
  id: KeyId,
  request: CapturedRequest,
  handler: KeyedHandler,
  echo: Echo,
): Promise<Answer> {
  const begun = await store.begin(id, requestHash(request));
  switch (begun.outcome) {
    case 'mismatch':
      throw refusal(422, 'mismatch', 'This Idempotency-Key was used with another request.');
    case 'in_flight': {
      const detail = 'The first request under this Idempotency-Key is under way.';
      throw refusal(409, 'in_flight', detail, { 'retry-after': '1' });
    }
    case 'replay':
      return replayed(echo.told(begun.answer, request));
    case 'first':
      break;
  }
  const { turn } = begun;
  try {
    const answer = await handler(request, id.key);
    // The events are durable, so this answer is true whether or not it can be remembered: the next request under the
    // key would be handled anew after the lock's time, and make the same ids.
    await store.complete(id, turn, echo.kept(answer)).catch(() => undefined);
    return answer;
  } catch (error) {
    if (error instanceof ProblemException && error.status < 500) {
      const answer = { status: error.status, text: JSON.stringify(error.problem) };
      await store.complete(id, turn, answer).catch(() => undefined);
    } else await store.abandon(id, turn).catch(() => undefined);
    throw error;
  }
}

function replayed({ status, text }: StoredAnswer): Answer {
  if (status < 400) return { status, text, headers: REPLAYED };
  throw new ProblemException(status, JSON.parse(text), REPLAYED);
}

function refusal(status: number, rule: string, detail: string, headers = {}): ProblemException {
  return new ProblemException(status, { detail, errors: [{ path: 'header.idempotency-key', rule, detail }] }, headers);
}
