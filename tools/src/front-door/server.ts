import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerExpectations } from '@millrace/service/edge';
import { repeatedHeader } from '@millrace/auth';
import { Forwarder, type ForwardOptions, type Upstream } from './forward';
import { indexPage } from './index-page';
import { sendProblem } from './problem';
import { readinessOf } from './readiness';
import { compileRoutes } from './routes';

export interface FrontDoor {
  readonly server: Server;
  /** Stops listening and resolves when every request has been answered. */
  drain(): Promise<void>;
}

/** Longest time to receive a request whole. The services have shorter ones for what is theirs. */
const REQUEST_MS_MAX = 300_000;
/** A connection without a request for so long has none on its way, as far as anyone can know. */
const QUIET_MS = 250;
const SERVER = { keepAliveTimeout: 75_000, requestTimeout: REQUEST_MS_MAX, requireHostHeader: false };

/**
 * One origin for all services: passes each request to the service that its path belongs to (routes.ts), unchanged but
 * for the usual forwarding headers. `/{service}/…` reaches the rest of a service's own surface.
 *
 * Itself it answers `/` (a page; JSON for those who ask for it), `/health`, `/liveness` and `/readiness` (200 when all
 * services are ready), and problem details: 404 for a path of nobody, 503 for a service that is down, 502 and 504 for
 * one that was lost or silent, each of these with Retry-After.
 */
export function createFrontDoor(upstreams: readonly Upstream[], options?: ForwardOptions): FrontDoor {
  const route = compileRoutes();
  const forwarder = new Forwarder(options);
  const byName = new Map(upstreams.map((upstream) => [upstream.service, upstream]));
  let draining = false;

  const server = http.createServer(SERVER, (request, response) => {
    if (draining) response.setHeader('connection', 'close');
    if (request.headers.host === undefined && request.httpVersion === '1.1') return refuseHostless(request, response);
    const twice = repeatedHeader(request.rawHeaders);
    if (twice !== null) return refuseRepeated(request, response, twice);
    const target = request.url?.startsWith('/') ? request.url : originForm(request.url);
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    const found = route(request.method as string, path);
    const upstream = found && byName.get(found.service);
    if (found && upstream) {
      const forwarded = found.prefix ? target.slice(found.prefix.length) : target;
      return forwarder.forward(
        request,
        response,
        upstream,
        forwarded.startsWith('/') ? forwarded : `/${forwarded}`,
        found.prefix,
      );
    }
    void answer(request, response, path, upstreams).catch(() => response.destroy());
  });
  answerExpectations(server);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const body = JSON.stringify({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'This is not HTTP/1.1 as it can be understood here.',
    });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
  return {
    server,
    drain: () =>
      new Promise((resolve) => {
        draining = true;
        // Requests that are on their way are still answered, and tell their clients to close; closing at once would
        // reset their connections.
        setTimeout(() => {
          // A connection whose last request was answered after this moment is idle only then.
          const idle = setInterval(() => server.closeIdleConnections(), 20);
          server.close(() => {
            clearInterval(idle);
            forwarder.close();
            resolve();
          });
        }, QUIET_MS);
      }),
  };
}

/** RFC 9112, 3.2. */
function refuseHostless(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const detail = 'A request of HTTP/1.1 has a Host header.';
  sendProblem(response, request.url ?? '/', { status: 400, title: 'Bad Request', detail });
}

/** Of two that name somebody, a service would see one: which, is not for this server to choose. */
function refuseRepeated(request: IncomingMessage, response: ServerResponse, name: string): void {
  request.resume();
  sendProblem(response, request.url ?? '/', {
    status: 400,
    title: 'Bad Request',
    detail: `The header ${name} came more than once.`,
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  upstreams: readonly Upstream[],
): Promise<void> {
  request.resume();
  if (!['/', '/health', '/liveness', '/readiness'].includes(path)) {
    return sendProblem(response, path, {
      status: 404,
      title: 'Not Found',
      detail: `No service answers ${request.method} ${path}. The page at / lists what there is.`,
    });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return sendProblem(response, path, { status: 405, title: 'Method Not Allowed', detail: `${path} answers GET.` });
  }
  if (path === '/health' || path === '/liveness') return sendJson(response, 200, { status: 'ok' });
  const services = await readinessOf(upstreams);
  const ready = Object.values(services).every((service) => service.ready);
  if (path === '/readiness')
    return sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', services });
  if (request.headers.accept?.includes('text/html')) {
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    return void response.end(indexPage(`http://${request.headers.host ?? 'localhost'}`, services));
  }
  return sendJson(response, 200, {
    name: 'Millrace',
    services: Object.fromEntries(
      Object.entries(services).map(([name, { ready: isReady }]) => [
        name,
        { ready: isReady, docs: `/${name}/docs`, openapi: `/${name}/openapi.json` },
      ]),
    ),
  });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  });
  response.end(body);
}

/** The path and query of an absolute-form request target (RFC 9112, 3.2.2). */
function originForm(target: string | undefined): string {
  try {
    const url = new URL(target ?? '/');
    return url.pathname + url.search;
  } catch {
    return '/';
  }
}
