import { ProblemException } from '@millrace/service';
import { MessagingError } from '@millrace/messaging';
import type { Refusal } from '@millrace/envelope';
import type { InboundFormat, InboundHeaders } from '@millrace/topics';
import { type CapturedItem, type GroupCommit, QueueFullError } from './group-commit';
import { header, type CapturedRequest } from './http';
import { RETRY_AFTER_FULL_SECONDS, RETRY_AFTER_SECONDS } from './limits';

/** Without authentication there is one tenant. */
export const DEFAULT_TENANT = 'default';

export interface CaptureDeps {
  readonly groupCommit: Pick<GroupCommit, 'submit'>;
  readonly now: () => number;
}

/** Headers that all items of a request share. */
export interface Reception {
  readonly format: InboundFormat;
  readonly source: string;
  readonly id?: string;
  readonly contenttype?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * Makes the headers of a request's items. Requests that arrive in the same millisecond with nothing of their own get
 * the same object, which the log then stores once.
 */
export function createReception(now: () => number): (request: CapturedRequest, reception: Reception) => InboundHeaders & Record<string, string> {
  let atMs = -1;
  let at = '';
  const plain = new Map<string, InboundHeaders & Record<string, string>>();
  return (request, { format, source, id, contenttype, attributes }) => {
    const ms = now();
    if (ms !== atMs) {
      atMs = ms;
      at = new Date(ms).toISOString();
      plain.clear();
    }
    const requestId = header(request, 'x-request-id');
    const traceparent = header(request, 'traceparent');
    const own = requestId ?? traceparent ?? id ?? contenttype ?? attributes;
    const key = `${format} ${source}`;
    const known = own === undefined ? plain.get(key) : undefined;
    if (known) return known;
    const headers = {
      format,
      tenant: DEFAULT_TENANT,
      source,
      at,
      ...(id !== undefined && { id }),
      ...(requestId !== undefined && { request: requestId }),
      ...(traceparent !== undefined && { traceparent }),
      ...(contenttype !== undefined && { contenttype }),
      ...(attributes !== undefined && { attributes: JSON.stringify(attributes) }),
    };
    if (own === undefined) plain.set(key, headers);
    return headers;
  };
}

/** Makes items durable, or answers 503 with what the client may conclude. */
export async function store(deps: CaptureDeps, items: readonly CapturedItem[]): Promise<void> {
  try {
    await deps.groupCommit.submit(items);
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(error: unknown): unknown {
  const problem = (detail: string, seconds: number): ProblemException =>
    new ProblemException(503, { detail, cause: error }, { 'retry-after': String(seconds) });
  if (error instanceof QueueFullError) return problem('More is waiting to be stored than may wait. Nothing of this request was taken.', RETRY_AFTER_SECONDS);
  if (!(error instanceof MessagingError)) return error;
  switch (error.code) {
    case 'MESSAGING_TOO_LARGE':
      return new ProblemException(413, { detail: error.message });
    case 'MESSAGING_FULL':
      return problem('The log is full. Nothing of this request was taken.', RETRY_AFTER_FULL_SECONDS);
    case 'MESSAGING_UNKNOWN':
      return problem('It is unknown whether this request was stored. Repeat it with the same event ids or Idempotency-Key.', RETRY_AFTER_SECONDS);
    default:
      return problem('The log cannot be reached. Nothing of this request was taken.', RETRY_AFTER_SECONDS);
  }
}

/** A refusal of the whole request: 400, or 413 where its size is what is wrong. */
export function refused(refusal: Refusal): ProblemException {
  const status = refusal.reason === 'item_too_large' || refusal.reason === 'too_many_items' ? 413 : 400;
  return new ProblemException(status, { detail: refusal.rule, errors: [problemOf(refusal)] });
}

export function problemOf(refusal: Refusal): { path: string; rule: string; detail: string } {
  return { path: refusal.path, rule: refusal.reason, detail: refusal.rule };
}
