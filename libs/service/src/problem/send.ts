import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, PROBLEM_CONTENT_TYPE } from './problem';

/** Sends a problem, naming the request that it is about; a reply that has begun is left alone. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, { problem, headers }: Answer): void {
  if (reply.sent || reply.raw.headersSent) return;
  const query = request.url.indexOf('?');
  const instance = query === -1 ? request.url : request.url.slice(0, query);
  const { type, title, status, detail, errors, ...rest } = problem;
  // Length-bounded: whatever was asked for must not come back a thousand times as long.
  const body = {
    type,
    title,
    status,
    detail,
    instance: instance.slice(0, 512),
    requestId: request.id,
    errors,
    ...rest,
  };
  for (const [name, value] of Object.entries(headers)) reply.header(name, value);
  reply
    .code(problem.status)
    .header('content-type', PROBLEM_CONTENT_TYPE)
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .header('x-request-id', request.id)
    .serializer(JSON.stringify)
    .send(body);
}
