import { context, trace } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import { type Logger, type Metrics, type Series, startServerSpan, withTraceparent } from '@millrace/observability';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { unavailable } from '../problem/classify';
import type { Slots } from './slots';
import { wrongUrl } from './url';
import { answer } from '../problem/problem';
import { sendProblem } from '../problem/send';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers also while the service's resources are not up: health, metrics, documents. */
    beforeReady?: boolean;
  }
}

/** What is known of the service while it serves: whether requests may pass, and which are under way. */
export interface Traffic {
  /** Why requests are turned away just now, or undefined when they are not. */
  closedBecause?: string;
  draining: boolean;
  readonly underWay: Slots<FastifyReply>;
}

interface Deps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly traffic: Traffic;
}

/** The status that proxies log for a request whose client did not wait for the answer; never sent. */
const CLIENT_CLOSED = 499;

const spans = new WeakMap<FastifyRequest, Span>();

/** Called once for a request, when its answer is out or its client is gone. */
type Finish = (request: FastifyRequest, reply: FastifyReply, beganMs: number) => void;

/**
 * Request ids, readiness, tracing, metrics and the log line, added to each route as it is declared: the closures know
 * their route's template, so a request costs no look-up, no label hashing and, outside of a trace, no async context.
 * Gives the hook for requests that no route takes.
 */
export function instrument(fastify: FastifyInstance, deps: Deps): Hook {
  const finish = finisher(deps);
  const { traffic } = deps;
  fastify.addHook('onRoute', (route: RouteOptions) => {
    const open = opening(
      traffic,
      route.config?.beforeReady === true,
      finish(route.url, route.config?.beforeReady === true),
    );
    route.onRequest = [open, ...list(route.onRequest)];
    route.preValidation = [tracer(route.url), ...list(route.preValidation)];
  });
  return opening(traffic, true, finish('unmatched', false));
}

function list<T>(hooks: T | T[] | undefined): T[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks];
}

export type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

function opening(traffic: Traffic, beforeReady: boolean, finish: Finish): Hook {
  return (request, reply, done) => {
    const began = performance.now();
    const slot = traffic.underWay.put(reply);
    // 'close' comes also where the client goes away before the answer; Fastify's onResponse would not.
    reply.raw.on('close', () => {
      traffic.underWay.clear(slot);
      finish(request, reply, began);
    });
    if (traffic.draining) reply.header('connection', 'close');
    const wrong = request.url.includes('%') ? wrongUrl(request.url) : undefined;
    if (wrong) {
      sendProblem(request, reply, wrong);
      return;
    }
    // RFC 9112, 3.2: a request that does not say whom it is for may have been cut out of another one.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      sendProblem(request, reply, answer(400, { detail: 'A request of HTTP/1.1 has a Host header.' }));
      return;
    }
    if (traffic.closedBecause !== undefined && !beforeReady) {
      sendProblem(request, reply, unavailable(traffic.closedBecause));
      return;
    }
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  };
}

/**
 * Enters the request's trace once the body is read: a body arrives in events of its own, outside of any context
 * entered earlier.
 */
function tracer(route: string): Hook {
  return (request, _reply, done) => {
    const header = request.headers['traceparent'];
    const traceparent = typeof header === 'string' ? header : undefined;
    const span = startServerSpan(`${request.method} ${route}`, traceparent, {
      'http.request.method': request.method,
      'http.route': route,
    });
    if (span) {
      spans.set(request, span);
      context.with(trace.setSpan(context.active(), span), done);
    } else if (traceparent !== undefined) withTraceparent(traceparent, done);
    else done();
  };
}

function finisher({ logger, metrics }: Deps): (route: string, probe: boolean) => Finish {
  const durations = metrics.seriesHistogram(
    'http_server_request_duration_seconds',
    'Time from the headers of a request to the end of its answer.',
    ['method', 'route', 'status'],
  );
  return (route, probe) => {
    const series = new Map<string, Map<number, Series>>();
    const seriesOf = (method: string, status: number): Series => {
      let byStatus = series.get(method);
      if (!byStatus) series.set(method, (byStatus = new Map()));
      let found = byStatus.get(status);
      if (!found) byStatus.set(status, (found = durations.series(method, route, String(status))));
      return found;
    };
    return (request, reply, beganMs) => {
      const status = reply.raw.writableFinished ? reply.raw.statusCode : CLIENT_CLOSED;
      const ms = performance.now() - beganMs;
      seriesOf(request.method, status).observe(ms / 1000);
      const span = spans.get(request);
      if (span) {
        span.setAttribute('http.response.status_code', status);
        if (status >= 500) span.setAttribute('error.type', String(status));
        span.end();
      }
      if (status < 400 && !logger.isLevelEnabled('debug')) return;
      const line = { requestId: request.id, method: request.method, route, status, ms: Math.round(ms * 100) / 100 };
      // A probe that is told "not ready" is answered, not failed.
      logger[status < 400 || probe ? 'debug' : status >= 500 ? 'warn' : 'info'](line, 'request');
    };
  };
}
