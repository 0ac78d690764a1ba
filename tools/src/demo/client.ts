import { setTimeout as sleep } from 'node:timers/promises';

/** The conservation law's counts. */
export interface Totals {
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
  readonly pending: number;
}

export interface BatchReceipt {
  readonly accepted: number;
  readonly quarantined: number;
}

export interface QuarantineGroup {
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly eventType: string | null;
  readonly count: number;
}

export type Row = Readonly<Record<string, unknown>>;

/** One time that an event was received, and what became of it. */
export interface Receipt {
  readonly fate: string;
  readonly receivedAt: string;
  readonly tenant: string;
  readonly via: string;
  readonly source: string | null;
  readonly contract: string | null;
  readonly verdict: { readonly reason: string; readonly rule: string; readonly path: string } | null;
  readonly dedupe: {
    readonly key: string | null;
    readonly duplicateOfBatch: number | null;
    readonly contentDiffers: boolean | null;
  };
  readonly raw: { readonly part: string; readonly line: number };
  readonly batch: {
    readonly id: number;
    readonly number: number;
    readonly landedAt: string;
    readonly topic: string;
    readonly partition: string;
  } | null;
  readonly commit: { readonly tables: Readonly<Record<string, number>>; readonly at: string } | null;
  readonly marts: readonly {
    readonly mart: string;
    readonly partition: string;
    readonly version: number | null;
    readonly at: string | null;
  }[];
}

export interface Trace {
  readonly status: string;
  readonly receipts: readonly Receipt[];
}

export interface MillraceClient {
  /** One request; tried again under `key` while the service is busy or away, at most `waitMsMax`. */
  send(body: Buffer, key: string): Promise<BatchReceipt>;
  conservation(): Promise<Totals>;
  /** All pages. */
  rows(path: string): Promise<Row[]>;
  quarantineGroups(): Promise<QuarantineGroup[]>;
  trace(eventId: string): Promise<Trace>;
}

export interface ClientOptions {
  readonly waitMsMax?: number;
  readonly signal?: AbortSignal;
}

/** An answer that is no answer: its status and problem details. */
export class RequestFailed extends Error {
  constructor(
    readonly status: number,
    what: string,
    body: string,
  ) {
    super(`${what} was answered with ${status}: ${body.slice(0, 500)}`);
    this.name = 'RequestFailed';
  }
}

/** A client of the public surface, as a program of a user's would be. */
export function createClient(origin: string, { waitMsMax = 30_000, signal }: ClientOptions = {}): MillraceClient {
  async function call<T>(
    method: string,
    path: string,
    init: { body?: Buffer; headers?: Record<string, string> } = {},
  ): Promise<T> {
    const deadline = performance.now() + waitMsMax;
    for (;;) {
      const answer = await attempt(method, path, init);
      if (answer.ok) return answer.value as T;
      if (!answer.retry || performance.now() > deadline) throw answer.error;
      await sleep(answer.waitMs, undefined, signal ? { signal } : {});
    }
  }

  async function attempt(method: string, path: string, init: { body?: Buffer; headers?: Record<string, string> }) {
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, origin), { method, ...init, ...(signal ? { signal } : {}) } as RequestInit);
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      return { ok: false, retry: true, waitMs: 250, error: error as Error } as const;
    }
    if (response.ok) return { ok: true, value: JSON.parse(text) as unknown } as const;
    const error = new RequestFailed(response.status, `${method} ${path}`, text);
    const waitMs = Math.min(Number(response.headers.get('retry-after') ?? 1) * 1000, 5_000);
    return { ok: false, retry: [409, 429, 502, 503, 504].includes(response.status), waitMs, error } as const;
  }

  return {
    send: (body, key) =>
      call('POST', '/v1/events', { body, headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': key } }),
    conservation: async () => (await call<{ totals: Totals }>('GET', '/v1/conservation')).totals,
    async rows(path) {
      const all: Row[] = [];
      let page: string | undefined;
      do {
        const answer = await call<{ rows: Row[]; nextPage?: string | number }>(
          'GET',
          page === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}page=${encodeURIComponent(page)}`,
        );
        all.push(...answer.rows);
        page = answer.nextPage === undefined || answer.nextPage === null ? undefined : String(answer.nextPage);
      } while (page !== undefined);
      return all;
    },
    async quarantineGroups() {
      const answer = await call<{ rows?: QuarantineGroup[]; groups?: QuarantineGroup[] }>(
        'GET',
        '/v1/quarantine/groups',
      );
      return (answer.rows ?? answer.groups ?? []).map(({ reason, rule, path, contract, eventType, count }) => ({
        reason,
        rule,
        path,
        contract: contract ?? null,
        eventType: eventType ?? null,
        count: Number(count),
      }));
    },
    trace: (eventId) => call('GET', `/v1/events/${encodeURIComponent(eventId)}/trace`),
  };
}
