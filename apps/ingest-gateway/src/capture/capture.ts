import type { Refusal } from '@millrace/envelope';
import { MessagingError } from '@millrace/messaging';
import { type ProblemDetail, ProblemException } from '@millrace/service';
import type { CapturedItem } from './append-queue';
import { type GroupCommit, QueueFullError, QueueTimeoutError } from './group-commit';
import { EVENT_BYTES_MAX, RECORD_HEADERS_BYTES_MAX, RETRY_AFTER_FULL_SECONDS, RETRY_AFTER_SECONDS } from './limits';
import type { Receive, RecordHeaders } from './reception';
import { SealUnavailable } from '../sealing/inbound-seal';

export interface CaptureDeps {
  readonly groupCommit: Pick<GroupCommit, 'submit'>;
  readonly receive: Receive;
}

/**
 * Makes items durable.
 * @throws ProblemException 503 that says whether the items may be stored, with Retry-After
 */
export async function store(deps: CaptureDeps, items: readonly CapturedItem[]): Promise<void> {
  try {
    await deps.groupCommit.submit(items);
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): unknown {
  if (error instanceof QueueFullError)
    return refuseForNow('More is waiting to be stored than may wait. Nothing of this request was taken.', error);
  if (error instanceof QueueTimeoutError)
    return refuseForNow('The log has taken nothing for too long. Nothing of this request was taken.', error);
  if (error instanceof SealUnavailable)
    return refuseForNow('What is taken cannot be encrypted now. Nothing of this request was taken.', error);
  if (!(error instanceof MessagingError)) return error;
  switch (error.code) {
    case 'MESSAGING_TOO_LARGE':
      return new ProblemException(413, {
        detail: error.message,
        errors: [{ path: '$', rule: 'too_large', detail: error.message }],
      });
    case 'MESSAGING_FULL':
      return logFull(error);
    case 'MESSAGING_UNKNOWN':
      return refuseForNow(
        'It is unknown whether this request was stored. Repeat it with the same event ids or Idempotency-Key.',
        error,
      );
    default:
      return refuseForNow('The log cannot be reached. Nothing of this request was taken.', error);
  }
}

export function logFull(cause?: unknown): ProblemException {
  return refuseForNow('The log is full. Nothing of this request was taken.', cause, RETRY_AFTER_FULL_SECONDS);
}

/** 503 with Retry-After. */
export function refuseForNow(detail: string, cause?: unknown, seconds = RETRY_AFTER_SECONDS): ProblemException {
  return new ProblemException(503, { detail, cause }, { 'retry-after': String(seconds) });
}

/** A refusal of the whole request: 400, or 413 where its size is what is wrong. */
export function refused(refusal: Refusal): ProblemException {
  const status = refusal.reason === 'item_too_large' || refusal.reason === 'too_many_items' ? 413 : 400;
  return new ProblemException(status, { detail: refusal.rule, errors: [problemOf(refusal)] });
}

export function problemOf(refusal: Refusal): ProblemDetail {
  return { path: refusal.path, rule: refusal.reason, detail: refusal.rule };
}

/** A request that is one event is refused when it is larger than an event may be. */
export function assertEventSize(body: Buffer): void {
  if (body.length <= EVENT_BYTES_MAX) return;
  throw refused({ reason: 'item_too_large', rule: `an event has at most ${EVENT_BYTES_MAX} bytes`, path: '$' });
}

/** `path` is where the request holds what became these headers. */
export function assertHeadersSize(headers: RecordHeaders, path: string): void {
  if (Buffer.byteLength(JSON.stringify(headers)) <= RECORD_HEADERS_BYTES_MAX) return;
  const detail = `What comes beside an event's data has at most ${RECORD_HEADERS_BYTES_MAX} bytes of JSON.`;
  throw new ProblemException(413, { detail, errors: [{ path, rule: 'headers_too_large', detail }] });
}
