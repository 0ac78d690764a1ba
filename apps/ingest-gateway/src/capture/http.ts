import { ProblemException } from '@millrace/service';

/** A request as the capture handlers see it: nothing parsed, every byte kept. */
export interface CapturedRequest {
  /** Lower-case names; repeated headers joined as Node does. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: Readonly<Record<string, string | string[] | undefined>>;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whose events these are: the tenant of the principal, or of the source that signed. */
  readonly tenant: string;
  /** The id that the client gave the request, where it is fit to be kept. */
  readonly requestId?: string;
  /** W3C trace context of this request within this service. */
  readonly traceparent?: string;
}

/** Of a request without a principal, until its signature says whose it is. No tenant has this name. */
export const NO_TENANT = '';

/** What is answered: the text is JSON, exactly as it is sent and, under an Idempotency-Key, kept. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type CaptureHandler = (request: CapturedRequest) => Promise<Answer>;

export function header(request: CapturedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * A query parameter with a closed list of values; undefined where it is absent. Anything else is refused, because a
 * caller who writes `?strict=yes` believes that something is being checked.
 */
export function choice<V extends string>(request: CapturedRequest, name: string, values: readonly V[]): V | undefined {
  const given = request.query[name];
  if (given === undefined) return undefined;
  const known = values.find((value) => value === given);
  if (known !== undefined) return known;
  const detail = `The query parameter ${name} is ${values.join(' or ')}.`;
  throw new ProblemException(400, { detail, errors: [{ path: `query.${name}`, rule: 'enum', detail }] });
}
