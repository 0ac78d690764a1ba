import type { Attempt } from '../port';

/** What came back of a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly text: string;
}

/** Statuses that may pass: busy, over the limit, a gateway that lost its server. */
const RETRIED = new Set([408, 409, 425, 429, 500, 502, 503, 504]);
/** Of those, the ones that are given before anything is stored. */
const NOT_STORED = new Set([409, 425, 429]);
const RETRY_AFTER_MS_MAX = 60_000;

/** Reads an answer of `POST /v1/events`. 503 says in words whether anything may have been stored; silence counts as yes. */
export function attemptOf({ status, retryAfter, text }: HttpAnswer): Attempt {
  if (status >= 200 && status < 300) return { outcome: 'acknowledged', quarantined: quarantinedIn(text) };
  const detail = detailOf(text);
  return {
    outcome: 'failed',
    canRetry: RETRIED.has(status),
    mayBeStored:
      RETRIED.has(status) && !NOT_STORED.has(status) && !/\bNothing of this request was taken\b/.test(detail),
    retryAfterMs: retryAfterMs(retryAfter),
    reason: `the target answered ${status}${detail ? `: ${detail}` : ''}`,
  };
}

function quarantinedIn(text: string): number | null {
  const receipt = parsed(text);
  const { quarantined } = (typeof receipt === 'object' && receipt !== null ? receipt : {}) as Record<string, unknown>;
  return typeof quarantined === 'number' ? quarantined : null;
}

function detailOf(text: string): string {
  const problem = parsed(text);
  const { detail, title } = (typeof problem === 'object' && problem !== null ? problem : {}) as Record<string, unknown>;
  const said = typeof detail === 'string' ? detail : typeof title === 'string' ? title : text;
  return said.replace(/\s+/g, ' ').slice(0, 300);
}

/** Seconds, as Millrace and most others give it; a date is taken for no answer. */
function retryAfterMs(header: string | null): number | null {
  if (header === null || !/^\d{1,6}$/.test(header)) return null;
  return Math.min(RETRY_AFTER_MS_MAX, Number(header) * 1_000);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
