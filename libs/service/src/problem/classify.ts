import { isRetryable } from '../lifecycle/retryable';
import { pathOfPointer } from './json-path';
import { type Answer, answer, ProblemException } from './problem';

/** What is read of an error that Fastify, Nest or a parser threw; any part may be missing. */
interface Thrown {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly statusCode?: unknown;
  readonly validation?: unknown;
  readonly validationContext?: unknown;
  getStatus?(): number;
  getResponse?(): unknown;
}

/** Seconds after which a client may try again when something we depend on is away. */
const RETRY_AFTER_SECONDS = '1';

/**
 * The answer to any error. Refusals say what is wrong; what passes by itself (a coded error with `canRetry`, Postgres
 * away) is 503 with Retry-After; everything else is 500 and tells nothing of the inside.
 */
export function classify(error: unknown): Answer {
  if (error instanceof ProblemException) return answer(error.status, error.problem, error.headers);
  const thrown = (typeof error === 'object' && error !== null ? error : {}) as Thrown;
  if (typeof thrown.getStatus === 'function') return ofHttpException(thrown);
  const code = typeof thrown.code === 'string' ? thrown.code : '';
  if (code.startsWith('FST_ERR_')) return ofFastify(code, thrown);
  if (isRetryable(error)) return unavailable('A part of the service is away. Nothing was lost; try again.');
  return answer(500, { detail: 'The service failed to answer. The request id leads to the cause in its log.' });
}

export function unavailable(detail: string): Answer {
  return answer(503, { detail }, { 'retry-after': RETRY_AFTER_SECONDS });
}

/** Nest's HttpException, by its shape: pipes and guards throw it. */
function ofHttpException(thrown: Thrown): Answer {
  const status = thrown.getStatus?.() ?? 500;
  if (status >= 500) return status === 503 ? unavailable('The service cannot answer now.') : answer(status);
  const body = thrown.getResponse?.();
  const message = typeof body === 'object' && body !== null ? (body as { message?: unknown }).message : body;
  const detail = Array.isArray(message) ? message.join('; ') : typeof message === 'string' ? message : undefined;
  return answer(status, { detail });
}

function ofFastify(code: string, thrown: Thrown): Answer {
  if (code === 'FST_ERR_VALIDATION' && Array.isArray(thrown.validation)) return ofSchema(thrown);
  const status = typeof thrown.statusCode === 'number' ? thrown.statusCode : 500;
  if (code === 'FST_ERR_BAD_URL') {
    const detail = 'The path is not valid percent-encoded UTF-8.';
    return answer(400, { detail, errors: [{ path: 'path', rule: 'percent-encoding', detail }] });
  }
  if (status < 400 || status >= 500) return answer(500, { detail: 'The service failed to answer.' });
  return answer(status, { detail: DETAIL[code] ?? (typeof thrown.message === 'string' ? thrown.message : undefined) });
}

const DETAIL: Record<string, string> = {
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says.',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is larger than this endpoint takes.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'This endpoint does not take that Content-Type.',
};

/** An ajv failure of a route's schema: each error with its JSONPath and keyword. */
function ofSchema(thrown: Thrown): Answer {
  const context = typeof thrown.validationContext === 'string' ? thrown.validationContext : 'body';
  const root = context === 'body' ? '$' : context === 'querystring' ? 'query' : context;
  const failures = thrown.validation as { instancePath?: string; keyword?: string; message?: string }[];
  const errors = failures.map(({ instancePath = '', keyword = 'schema', message = 'is not valid' }) => ({
    path: pathOfPointer(instancePath, root),
    rule: keyword,
    detail: message,
  }));
  return answer(400, { detail: `The ${context} is not valid: ${errors[0].path} ${errors[0].detail}.`, errors });
}
