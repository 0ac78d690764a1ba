import { AsyncResource } from 'node:async_hooks';
import { access, type AccessPolicy } from '@millrace/auth';
import { currentTraceparent, isTracing } from '@millrace/observability';
import { type OpenApi, ProblemException } from '@millrace/service';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../availability/admission';
import type { PacedRefusals } from '../availability/paced-refusals';
import type { BodyBudget, BodyLease } from './body-budget';
import { assertNoContentEncoding, unsupportedMedia } from './content-type';
import { type Answer, type CapturedRequest, type CaptureHandler, NO_TENANT } from './http';
import { BATCH_BYTES_MAX, EVENT_BYTES_MAX } from './limits';
import { CAPTURE_OPENAPI } from './openapi';
import { type OnBody, overloaded, receiveBody } from './receive-body';

export interface CaptureHandlers {
  readonly single: CaptureHandler;
  readonly batch: CaptureHandler;
  readonly push: CaptureHandler;
  readonly webhook: CaptureHandler;
}

export interface RouteDeps {
  readonly handlers: CaptureHandlers;
  readonly budget: BodyBudget;
  /** Why nothing can be taken now, before anything of the request is read; null when it can. */
  readonly closed: () => ProblemException | null;
  /** How many requests are handled at once. */
  readonly admission: Pick<Admission, 'enter' | 'begin' | 'end'>;
  /** Refuses what is beyond that, now or a little later. */
  readonly refusals: Pick<PacedRefusals, 'refuse' | 'onHandled'>;
}

/** Ten thousand receipts are megabytes, and a slow client leaves them in memory. */
const LARGE_ANSWER_CHARS = 64 * 1024;
const PRODUCERS: AccessPolicy = access('ingest');
/** Senders of webhooks have no credential of ours: their signature is one. */
const PRODUCERS_OR_SIGNED = access('ingest', { optional: true });
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * The capture routes, straight on Fastify: bodies are taken as bytes, whatever their content type, because what is kept
 * is what was sent, and are read here and not by Fastify, so that their memory is bounded over all requests. Of each
 * request only what the handlers read is passed on.
 */
export function addCaptureRoutes(fastify: FastifyInstance, openapi: OpenApi, deps: RouteDeps): void {
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    scope.setErrorHandler((error: { code?: string }, request) => {
      // What Fastify itself refuses is named like everything else.
      if (error.code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') throw error;
      throw unsupportedMedia(request.headers['content-type'] ?? '', ['a content type of the form type/subtype']);
    });
    const serve = (url: string, bytesMax: number, handler: CaptureHandler, policy = PRODUCERS): void => {
      scope.post(url, { config: { access: policy } }, (request, reply) =>
        serveRequest(deps, bytesMax, handler, request, reply),
      );
    };
    serve('/events', EVENT_BYTES_MAX, deps.handlers.single);
    serve('/v1/events', BATCH_BYTES_MAX, deps.handlers.batch);
    serve('/api/v1/ingest_event', BATCH_BYTES_MAX, deps.handlers.push);
    serve('/v1/webhooks/:source', EVENT_BYTES_MAX, deps.handlers.webhook, PRODUCERS_OR_SIGNED);
  });
  openapi.add(CAPTURE_OPENAPI);
}

function serveRequest(
  { budget, closed, admission, refusals }: RouteDeps,
  bytesMax: number,
  handler: CaptureHandler,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const fail = (error: unknown): void => void reply.send(error);
  const refusal = closed();
  if (refusal) {
    fail(refusal);
    return;
  }
  let lease: BodyLease | null = null;
  const hold = (): BodyLease => {
    if (lease) return lease;
    const made = (lease = budget.lease());
    // Also where the client goes away, and not before a large answer is out.
    reply.raw.on('close', () => made.release());
    return made;
  };
  const { headers } = request;
  const traced = isTracing() || headers.traceparent !== undefined;
  const traceparent = traced ? currentTraceparent() : undefined;
  const received: OnBody = (problem, body) => {
    if (problem) {
      fail(problem);
      return;
    }
    const captured: CapturedRequest = {
      headers,
      query: request.query as CapturedRequest['query'],
      params: request.params as CapturedRequest['params'],
      body,
      tenant: request.principal?.tenant ?? NO_TENANT,
      requestId: headers['x-request-id'] === request.id ? request.id : undefined,
      traceparent,
    };
    admission.begin();
    handle(handler, captured).then(
      (answer) => {
        admission.end();
        refusals.onHandled();
        if (answer.text.length > LARGE_ANSWER_CHARS) hold().count(answer.text.length);
        if (answer.headers) reply.headers(answer.headers);
        reply.code(answer.status).header('content-type', JSON_TYPE).send(answer.text);
      },
      (error) => {
        admission.end();
        fail(error);
      },
    );
  };
  // The body arrives in events of the connection; what follows belongs to the request's trace.
  const onBody = traced ? AsyncResource.bind(received) : received;
  const refuse = (): void => refusals.refuse(() => fail(overloaded()));
  const start = (): void => (budget.exhausted ? refuse() : receiveBody(request.raw, bytesMax, hold, onBody));
  admission.enter(start, refuse);
}

/** What a handler throws at once is a refusal like any other. */
async function handle(handler: CaptureHandler, request: CapturedRequest): Promise<Answer> {
  assertNoContentEncoding(request);
  return handler(request);
}
