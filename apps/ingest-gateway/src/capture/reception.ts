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
 * Makes the headers of a request's items. Requests of the same millisecond with nothing of their own get the same object
 * where they follow each other, which the log then stores once.
 */
export function createReception(now: () => number): Receive {
  let atMs = -1;
  let at = '';
  let plain: RecordHeaders | null = null;
  return (request, { format, source, id, contenttype, attributes }) => {
    const ms = now();
    if (ms !== atMs) {
      atMs = ms;
      at = new Date(ms).toISOString();
      plain = null;
    }
    const { requestId, traceparent, tenant } = request;
    const own = requestId ?? traceparent ?? id ?? contenttype ?? attributes;
    if (own === undefined && plain?.format === format && plain.tenant === tenant && plain.source === source)
      return plain;
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
    if (own === undefined) plain = headers;
    return headers;
  };
}
