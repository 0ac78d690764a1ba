import { setTimeout as sleep } from 'node:timers/promises';
import type { HistoryEntry } from '../checker/history';
import type { PlannedRequest, Route } from './workload';

export interface ChaosClientOptions {
  readonly origin: string;
  readonly record: (entry: HistoryEntry) => void;
  readonly nowMs: () => number;
}

/** An attempt that takes longer is given up; what became of it is unknown. */
const ATTEMPT_MS_MAX = 12_000;
const RETRY_MS_MAX = 1_500;

const PATHS: Record<Route, string> = {
  ndjson: '/v1/events',
  array: '/v1/events',
  single: '/events',
  push: '/api/v1/ingest_event',
};

/**
 * A producer that repeats what is not acknowledged, with the same ids, as producers should; every attempt is an
 * operation of the history.
 */
export class ChaosClient {
  private op = 0;
  acknowledged = 0;
  /** Answers by status; 0 for none. */
  readonly statuses = new Map<number, number>();

  constructor(private readonly options: ChaosClientOptions) {}

  /** Until it is acknowledged or refused, or `signal` is aborted. Resolves with whether it was acknowledged. */
  async send(request: PlannedRequest, signal: AbortSignal): Promise<boolean> {
    const init = wire(request);
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
      const outcome = await this.attempt(request, init);
      if (outcome === 'ok') return true;
      if (outcome === 'fail') return false;
      if (signal.aborted) return false;
      await sleep(waitMs);
    }
  }

  private async attempt({ route, items }: PlannedRequest, init: RequestInit): Promise<'ok' | 'fail' | 'again'> {
    const { record, nowMs, origin } = this.options;
    const op = this.op++;
    record({ type: 'invoke', op, route, atMs: nowMs(), items: items.map(({ sent }) => sent) });
    const end = (type: 'ok' | 'fail' | 'info', status: number, more = {}): void => {
      record({ type, op, atMs: nowMs(), status, ...more });
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    };
    let response: Response;
    try {
      response = await fetch(new URL(PATHS[route], origin), { ...init, signal: AbortSignal.timeout(ATTEMPT_MS_MAX) });
      await response.arrayBuffer();
    } catch {
      end('info', 0);
      return 'again';
    }
    const { status } = response;
    if (response.ok) {
      const replayed = response.headers.get('idempotency-replayed') === 'true';
      end('ok', status, replayed ? { replayed } : {});
      this.acknowledged += items.length;
      return 'ok';
    }
    // The first under this key is under way: this attempt added nothing.
    if (status === 409 || status === 429) end('fail', status);
    else if (status >= 500) end('info', status);
    else end('fail', status);
    return status === 409 || status === 429 || status >= 500 ? 'again' : 'fail';
  }
}

const NEWLINE = Buffer.from('\n');

function wire({ route, items, key }: PlannedRequest): RequestInit {
  const headers: Record<string, string> = {
    'content-type': route === 'ndjson' ? 'application/x-ndjson' : 'application/json',
    ...(key === null ? {} : { 'idempotency-key': key }),
  };
  return {
    method: 'POST',
    headers,
    body: bodyOf(
      route,
      items.map(({ bytes }) => bytes),
    ),
  };
}

function bodyOf(route: Route, lines: readonly Buffer[]): Buffer {
  switch (route) {
    case 'ndjson':
      return Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
    case 'array':
      return Buffer.concat([
        Buffer.from('['),
        ...lines.flatMap((line, i) => (i ? [Buffer.from(','), line] : [line])),
        Buffer.from(']'),
      ]);
    case 'single':
      return lines[0] as Buffer;
    case 'push':
      return Buffer.from(
        JSON.stringify({
          message: { data: (lines[0] as Buffer).toString('base64'), messageId: '1', attributes: {} },
          subscription: 'projects/p/subscriptions/s',
        }),
      );
  }
}
