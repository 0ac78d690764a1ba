import type { ServerResponse } from 'node:http';

export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
}

/** Answers with problem details (RFC 9457). Does nothing once an answer has begun. */
export function sendProblem(
  response: ServerResponse,
  instance: string,
  { status, title, detail, retryAfterSeconds }: Problem,
): void {
  if (response.headersSent) return;
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, instance });
  response.writeHead(status, {
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(body);
}
