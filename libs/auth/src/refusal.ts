/** Why a request is not let in; a value, because it is expected. Details say what is wrong and never what was sent. */
export class Refusal {
  constructor(
    readonly status: 400 | 401 | 403 | 421 | 503,
    /** Closed list, for metrics. */
    readonly rule: RefusalRule,
    readonly detail: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

export type RefusalRule =
  | 'missing'
  | 'ambiguous'
  | 'malformed'
  | 'unknown'
  | 'expired'
  | 'claims'
  | 'signature'
  | 'not_accepted_here'
  | 'forbidden'
  | 'origin'
  | 'host'
  | 'unavailable';

const REALM = 'Bearer realm="millrace"';

/** RFC 6750, section 3: without a credential the challenge names no error. */
export const missing = (detail = 'This takes a credential.'): Refusal =>
  new Refusal(401, 'missing', detail, { 'www-authenticate': REALM });

export function invalid(rule: RefusalRule, detail: string): Refusal {
  const challenge = `${REALM}, error="invalid_token", error_description="${detail.replace(/["\\]/g, '')}"`;
  return new Refusal(401, rule, detail, { 'www-authenticate': challenge });
}

export const forbid = (detail: string): Refusal =>
  new Refusal(403, 'forbidden', detail, { 'www-authenticate': `${REALM}, error="insufficient_scope"` });

export const unavailable = (detail: string): Refusal => new Refusal(503, 'unavailable', detail, { 'retry-after': '1' });
