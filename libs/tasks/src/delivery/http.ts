import http from 'node:http';
import https from 'node:https';
import { allowlist, checkUrl } from '../check-task';
import { TasksError } from '../port';
import type { Deliver, Delivery, DeliveryResult } from './index';

/** Read of an answer, so that its connection can be used again; what is longer costs the connection. */
const ANSWER_BYTES_MAX = 65_536;

export interface HttpDelivery {
  readonly deliver: Deliver;
  /** Closes idle connections. */
  close(): void;
}

/**
 * Delivers by POST. 2xx is success and everything else failure, redirects included: following one would leave the
 * allowlist. Node's own client instead of fetch, whose five minutes for the first byte are shorter than an attempt may
 * take.
 */
export function createHttpDelivery({
  origins,
  connectionsMax = 64,
}: {
  origins: readonly string[];
  connectionsMax?: number;
}): HttpDelivery {
  const allowed = allowlist(origins);
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: connectionsMax }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: connectionsMax }),
  };
  const deliver: Deliver = async (delivery, signal) => {
    signal.throwIfAborted();
    try {
      const url = new URL(checkUrl(delivery.url, allowed));
      const timeout = AbortSignal.timeout(delivery.timeoutMs);
      const agent = agents[url.protocol as keyof typeof agents];
      const status = await post(url, delivery, agent, AbortSignal.any([signal, timeout]));
      return { ok: status >= 200 && status < 300, status, detail: `HTTP ${status}` };
    } catch (error) {
      signal.throwIfAborted();
      return unanswered(error as NodeJS.ErrnoException, delivery);
    }
  };
  return { deliver, close: () => Object.values(agents).forEach((agent) => agent.destroy()) };
}

const unanswered = (error: NodeJS.ErrnoException, { timeoutMs }: Delivery): DeliveryResult => {
  if (error.name === 'AbortError') return { ok: false, status: 0, detail: `no answer within ${timeoutMs} ms` };
  return { ok: false, status: 0, detail: error instanceof TasksError ? error.message : (error.code ?? error.message) };
};

function post(url: URL, delivery: Delivery, agent: http.Agent, signal: AbortSignal): Promise<number> {
  const { body = '', headers, queue, name, attempt } = delivery;
  const client = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const request = client.request(
      url,
      {
        method: 'POST',
        agent,
        signal,
        headers: {
          ...headers,
          'content-length': Buffer.byteLength(body),
          'x-task-queue': queue,
          'x-task-name': name,
          'x-task-attempt': String(attempt),
        },
      },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          // The status has been sent: what follows is nobody's business here.
          if (bytes > ANSWER_BYTES_MAX) response.destroy();
        });
        response.on('close', () => resolve(response.statusCode ?? 0));
        response.on('error', (error) => (bytes > ANSWER_BYTES_MAX ? resolve(response.statusCode ?? 0) : reject(error)));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
