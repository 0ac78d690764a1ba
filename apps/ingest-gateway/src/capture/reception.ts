import type { InboundFormat, InboundHeaders } from '@millrace/topics';
import type { CapturedRequest } from './http';

/** Headers of one record, as the log takes them. */
export type RecordHeaders = InboundHeaders & Readonly<Record<string, string>>;

/** What a route knows of a request's items beside their bytes; all items of a request share it. */
export interface Reception {
  readonly format: InboundFormat;
  /** Where the items came in, as conservation counts them. */
  readonly source: string;
  readonly id?: string;
  readonly contenttype?: string;
  /** A JSON object. */
  readonly attributes?: string;
}

export type Receive = (request: CapturedRequest, reception: Reception) => RecordHeaders;

/**
 * Makes the headers of a request's items. Requests of the same millisecond with nothing of their own get the same object,
 * which the log then stores once.
 */
export function createReception(now: () => number): Receive {
  let atMs = -1;
  let at = '';
  const plain = new Map<string, RecordHeaders>();
  return (request, { format, source, id, contenttype, attributes }) => {
    const ms = now();
    if (ms !== atMs) {
      atMs = ms;
      at = new Date(ms).toISOString();
      plain.clear();
    }
    const { requestId, traceparent, tenant } = request;
    const own = requestId ?? traceparent ?? id ?? contenttype ?? attributes;
    const key = own === undefined ? `${format} ${tenant} ${source}` : '';
    const known = own === undefined ? plain.get(key) : undefined;
    if (known) return known;
    const headers = {
      format,
      tenant,
      source,
      at,
      ...(id !== undefined && { id }),
      ...(requestId !== undefined && { request: requestId }),
      ...(traceparent !== undefined && { traceparent }),
      ...(contenttype !== undefined && { contenttype }),
      ...(attributes !== undefined && { attributes }),
    };
    if (own === undefined) plain.set(key, headers);
    return headers;
  };
}
