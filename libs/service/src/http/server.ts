import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger, Metrics, Random } from '@millrace/observability';
import { fastify as createFastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyHttpOptions } from 'fastify';
import type { AccessControl } from '../access/control';
import { classify } from '../problem/classify';
import { answer, PROBLEM_CONTENT_TYPE } from '../problem/problem';
import type { ErrorHandler } from '../problem/nest';
import { sendProblem } from '../problem/send';
import { ServiceAdapter } from './adapter';
import { Drain } from './drain';
import { answerExpectations } from '../edge';
import { FaultsOnly, fastifyLogger } from './framework-loggers';
import { instrument, type Traffic } from './instrument';
import { addJsonParser } from './json-body';
import { KnownPaths, refuseMethod } from './not-found';
import { requestIds } from './request-id';
import { Slots } from './slots';

export interface HttpLimits {
  /** Largest body of a route that does not say otherwise. Default 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Longest time to receive a request whole. Default 120 s. */
  readonly requestMsMax?: number;
  /** Largest header section. Default 16 KiB. */
  readonly headerBytesMax?: number;
}

interface Deps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly random: Random;
  readonly limits?: HttpLimits;
  readonly access: AccessControl;
}

/** Idle keep-alive connections outlive the 60 s of common load balancers, so that those never write to a closed one. */
const KEEP_ALIVE_MS = 72_000;
const PATH_PARAMETER_CHARS_MAX = 1024;

export interface HttpServer {
  readonly adapter: ServiceAdapter;
  readonly fastify: FastifyInstance;
  readonly traffic: Traffic;
  readonly onError: ErrorHandler;
  readonly drain: Drain;
}

/** The HTTP side of a service: Fastify under Nest's adapter, every refusal a problem, every route instrumented. */
export function createHttpServer({ logger, metrics, random, limits = {}, access }: Deps): HttpServer {
  const onError = errorHandler(logger);
  const options: FastifyHttpOptions<Server> = {
    loggerInstance: fastifyLogger(logger),
    logController: new FaultsOnly(),
    genReqId: requestIds(random) as never,
    requestIdHeader: false,
    bodyLimit: limits.bodyBytesMax ?? 1024 * 1024,
    requestTimeout: limits.requestMsMax ?? 120_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Requests on open connections are served until the last; they are told to close by a header.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: PATH_PARAMETER_CHARS_MAX },
    frameworkErrors: (error, request, reply) => onError(error, request, reply),
    clientErrorHandler: refuseConnection,
    // A request without Host is refused by ours, which says so as problem details.
    http: { maxHeaderSize: limits.headerBytesMax ?? 16 * 1024, requireHostHeader: false },
  };
  // Ours, not the adapter's own copy: that one (5.11) binds an async resource for each body, which made a POST of 500
  // bytes cost 40 µs where 5.12 takes 15.
  const fastify = createFastify(options);
  answerExpectations(fastify.server);
  const adapter = new ServiceAdapter(fastify);
  const traffic: Traffic = { closedBecause: 'The service is starting.', draining: false, underWay: new Slots() };
  metrics.gauge('http_server_active_requests', 'Requests under way.', [], (gauge) => gauge.set(traffic.underWay.size));
  const paths = new KnownPaths(fastify);
  // Before the instruments, whose hook then comes first: a request that is not let in is counted and has its id.
  access.install(fastify);
  const openUnmatched = instrument(fastify, { logger, metrics, traffic });
  fastify.setErrorHandler((error, request, reply) => onError(error, request, reply));
  fastify.setNotFoundHandler((request, reply) => {
    openUnmatched(request, reply, () => {
      const allowed = paths.allowed(request.url).join(', ');
      if (request.method === 'OPTIONS' && allowed !== '') reply.code(204).header('allow', allowed).send();
      else sendProblem(request, reply, refuseMethod(request.method, allowed));
    });
  });
  addJsonParser(fastify);
  return { adapter, fastify, traffic, onError, drain: new Drain(fastify, traffic) };
}

function errorHandler(logger: Logger): ErrorHandler {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const refusal = classify(error);
    if (refusal.problem.status >= 500) {
      const method = refusal.problem.status === 503 ? 'warn' : 'error';
      logger[method]({ requestId: request.id, method: request.method, error }, 'a request failed');
    }
    sendProblem(request, reply, refusal);
  };
}

/** Answers what the HTTP parser itself refuses, where there is no request yet to answer to. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy(error);
    return;
  }
  const [status, detail] = CONNECTION[error.code ?? ''] ?? [400, 'This is not a well-formed HTTP/1.1 request.'];
  const { problem } = answer(status, { detail });
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${status} ${problem.title}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const CONNECTION: Record<string, readonly [number, string]> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are larger than this service takes.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are larger than this service takes.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
};
