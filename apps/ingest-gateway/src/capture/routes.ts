import type { OpenApi } from '@millrace/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CapturedRequest } from './http';
import { BATCH_BYTES_MAX } from './limits';
import type { SentAnswer } from '../idempotency/with-idempotency';
import { CAPTURE_PATHS } from './openapi';

type Handler = (request: CapturedRequest) => Promise<SentAnswer>;

export interface CaptureHandlers {
  readonly single: Handler;
  readonly batch: Handler;
  readonly push: Handler;
  readonly webhook: Handler;
}

const NO_BODY = Buffer.alloc(0);

/**
 * The capture routes, straight on Fastify: bodies arrive as bytes, whatever their content type, because what is kept is
 * what was sent. Of each request only what the handlers read is passed on.
 */
export function addCaptureRoutes(fastify: FastifyInstance, openapi: OpenApi, handlers: CaptureHandlers): void {
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: BATCH_BYTES_MAX }, (_request, body, done) => done(null, body));
    const serve = (url: string, handler: Handler): void => {
      scope.post(url, { bodyLimit: BATCH_BYTES_MAX }, async (request: FastifyRequest, reply: FastifyReply) => {
        const answer = await handler({
          headers: request.headers,
          query: request.query as CapturedRequest['query'],
          params: request.params as CapturedRequest['params'],
          body: (request.body as Buffer | undefined) ?? NO_BODY,
        });
        if (answer.headers) reply.headers(answer.headers);
        return reply
          .code(answer.status)
          .type('application/json; charset=utf-8')
          .send(answer.text ?? JSON.stringify(answer.body));
      });
    };
    serve('/events', handlers.single);
    serve('/v1/events', handlers.batch);
    serve('/api/v1/ingest_event', handlers.push);
    serve('/v1/webhooks/:source', handlers.webhook);
  });
  openapi.add({ paths: CAPTURE_PATHS });
}
