import { STATUS_CODES } from 'node:http';

/** One thing that is wrong with a request: where, which rule it broke, and in words. */
export interface ProblemDetail {
  /** JSONPath of the place in the body (`$.items[3].name`); `query.x`, `params.x` or `header.x` elsewhere. */
  readonly path: string;
  readonly rule: string;
  readonly detail: string;
}

/** Problem details of RFC 9457, with `errors` and the request's id as extension members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance?: string;
  readonly requestId?: string;
  readonly errors?: readonly ProblemDetail[];
  /** Extension members of one kind of problem. */
  readonly [extension: string]: unknown;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

export interface ProblemOptions {
  /** A URI of the kind of problem; `about:blank` says that the status tells it all. */
  readonly type?: string;
  /** The status' own phrase by default. */
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly ProblemDetail[];
  /** Further members (RFC 9457, 3.2), none of which is named as one of the above. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Thrown by handlers to refuse a request; answered as `application/problem+json` with `headers` added. */
export class ProblemException extends Error {
  override readonly name = 'ProblemException';

  constructor(
    readonly status: number,
    readonly problem: ProblemOptions = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.detail ?? STATUS_CODES[status] ?? `status ${status}`, { cause: problem.cause });
    if (!Number.isInteger(status) || status < 400 || status > 599) throw new RangeError(`${status} is no error status`);
  }
}

/** What is sent for an error: the problem and the headers that go with it. */
export interface Answer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

export function answer(status: number, options: ProblemOptions = {}, headers: Answer['headers'] = {}): Answer {
  const { type = 'about:blank', title = STATUS_CODES[status] ?? 'Error', detail, errors, extensions } = options;
  return {
    problem: { ...extensions, type, title, status, ...(detail && { detail }), ...(errors && { errors }) },
    headers,
  };
}
