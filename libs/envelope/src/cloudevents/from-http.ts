import type { InboundHeaders, Refusal } from '../envelope';
import { splitJsonArray, type SplitOptions } from '../json/split';
import { refusal } from '../refusal';
import { encodingOf, parseContentType } from './content-type';

/** One item to be appended, and what its record's headers must say of it beside tenant, source and time. */
export interface InboundItem extends Pick<InboundHeaders, 'contenttype' | 'attributes'> {
  readonly format: 'event' | 'ce-binary';
  readonly value: Buffer;
}

export type CloudEventsRequest =
  | {
      readonly mode: 'binary' | 'structured' | 'batched';
      readonly items: readonly InboundItem[];
      readonly refusal?: undefined;
    }
  | { readonly refusal: Refusal; readonly mode?: undefined };

export interface HttpMessage {
  /** Header names in any case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

const EVENT = 'application/cloudevents';
const BATCH = 'application/cloudevents-batch';
export const STRUCTURED_TYPE = `${EVENT}+json`;

/**
 * The items of an HTTP request in any mode of the CloudEvents HTTP binding 1.0.2; null where it is no CloudEvents request.
 * An event whose attributes are wrong is still an item, for `decode` to refuse by name. The request itself is refused for
 * an event format other than JSON, a charset other than UTF-8, or a batch that is no JSON array.
 */
export function fromCloudEventHttp(message: HttpMessage, options: SplitOptions = {}): CloudEventsRequest | null {
  const attributes: Record<string, string> = {};
  let contenttype: string | undefined;
  for (const [header, value] of Object.entries(message.headers)) {
    if (value === undefined) continue;
    const name = header.toLowerCase();
    const text = typeof value === 'string' ? value : value.join(', ');
    if (name === 'content-type') contenttype = text;
    else if (name.startsWith('ce-')) attributes[name] = text;
  }
  const type = parseContentType(contenttype ?? '');
  if (type?.media.startsWith(EVENT)) {
    const batched = type.media.startsWith(BATCH);
    if (type.media !== `${batched ? BATCH : EVENT}+json`) {
      return {
        refusal: refusal('unsupported_content_type', `of the CloudEvents formats only JSON is read, not ${type.media}`),
      };
    }
    if (encodingOf(type.charset) !== 'utf8') {
      return { refusal: refusal('unsupported_content_type', 'CloudEvents in JSON are UTF-8') };
    }
    const split = batched ? splitJsonArray(message.body, options) : { items: [message.body] };
    if (split.refusal) return { refusal: split.refusal };
    const items = split.items.map((value): InboundItem => ({ format: 'event', contenttype: STRUCTURED_TYPE, value }));
    return { mode: batched ? 'batched' : 'structured', items };
  }
  const binary = ['ce-specversion', 'ce-id', 'ce-type', 'ce-source'].some((name) => attributes[name] !== undefined);
  if (!binary) return null;
  const item: InboundItem = {
    format: 'ce-binary',
    contenttype,
    attributes: JSON.stringify(attributes),
    value: message.body,
  };
  return { mode: 'binary', items: [item] };
}
