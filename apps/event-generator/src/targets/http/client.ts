import http from 'node:http';
import https from 'node:https';
import type { Attempt, Outgoing, Target } from '../port';
import { attemptOf, type HttpAnswer } from './answer';

export interface HttpTargetOptions {
  /** Public origin of Millrace, e.g. `http://127.0.0.1:8080`; a path is kept before the API's own. */
  readonly url: string;
  readonly token?: string;
  /** Longest time from the start of a request until its answer is whole, ms. */
  readonly requestMsMax: number;
  readonly connectionsMax: number;
}

/** Errors of a connection that was never made: nothing was sent. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Receipts of a batch whose every item is bad are below this; more is no answer of a gateway. */
const ANSWER_BYTES_MAX = 16 << 20;

/** Millrace over HTTP, as any producer reaches it: batches as NDJSON to `POST /v1/events`. */
export function createHttpTarget(options: HttpTargetOptions): Target {
  const url = new URL(`${options.url.replace(/\/$/, '')}/v1/events`);
  const { request: open, Agent } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: options.connectionsMax });

  const post = (body: Buffer, headers: Record<string, string>, signal?: AbortSignal): Promise<HttpAnswer> =>
    new Promise((resolve, reject) => {
      const late = AbortSignal.timeout(options.requestMsMax);
      const until = signal ? AbortSignal.any([late, signal]) : late;
      const sent = open(url, { method: 'POST', agent, headers, signal: until }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX)
            response.destroy(new Error(`the answer has more than ${ANSWER_BYTES_MAX} bytes`));
          else chunks.push(chunk);
        });
        response.once('error', reject);
        response.once('end', () => {
          const retryAfter = response.headers['retry-after'] ?? null;
          resolve({ status: response.statusCode ?? 0, retryAfter, text: Buffer.concat(chunks).toString() });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });

  return {
    name: 'http',
    batchItemsMax: 10_000,
    batchBytesMax: 8 << 20,
    start: async () => undefined,
    async send(items, requestKey, signal): Promise<Attempt> {
      const body = ndjson(items);
      const headers = {
        'content-type': 'application/x-ndjson',
        'content-length': String(body.length),
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(requestKey !== null && { 'idempotency-key': requestKey }),
      };
      try {
        return attemptOf(await post(body, headers, signal));
      } catch (error) {
        const { code = '', message } = error as NodeJS.ErrnoException;
        const { requestMsMax } = options;
        const brokenOff = signal?.aborted ? 'it was broken off' : `no answer within ${requestMsMax} ms`;
        return {
          outcome: 'failed',
          canRetry: true,
          mayBeStored: !NOT_SENT.has(code),
          retryAfterMs: null,
          reason: `the target did not answer: ${code === 'ABORT_ERR' ? brokenOff : code || message}`,
        };
      }
    },
    stop: async () => agent.destroy(),
  };
}

const NEWLINE = Buffer.from('\n');

const ndjson = (items: readonly Outgoing[]): Buffer => Buffer.concat(items.flatMap(({ bytes }) => [bytes, NEWLINE]));
