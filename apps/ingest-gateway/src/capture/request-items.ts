import { fromCloudEventHttp, guessObjects, splitJsonArray, splitNdjson, type Split } from '@millrace/envelope';
import { assertEventSize, refused } from './capture';
import { assertUtf8, type ContentType, contentTypeOf, unsupportedMedia } from './content-type';
import type { CapturedRequest } from './http';
import { BATCH_ITEMS_MAX } from './limits';
import type { Reception } from './reception';

/** The items of a request, as views of its body, and how they are to be read. */
export interface RequestItems {
  readonly items: readonly Buffer[];
  readonly reception: Reception;
  /** The body is one JSON document: when it is no JSON the request is none. */
  readonly document: boolean;
  /**
   * Present where the items are guessed: they are what is in the body if every one of them passes the light check. Else
   * this gives them. @throws ProblemException as `itemsOf`
   */
  readonly exactly?: () => RequestItems;
}

const ACCEPTED = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
];
const EVENTS: Reception = { format: 'event', source: 'http' };
const LIMITS = { itemsMax: BATCH_ITEMS_MAX };
/** Any of these makes a request a CloudEvent in binary mode; what it lacks is then named item by item. */
const REQUIRED_ATTRIBUTES = ['ce-specversion', 'ce-id', 'ce-type', 'ce-source'];

/**
 * Takes a request of `POST /v1/events` apart, by its content type. Only what makes it a request at all is checked here.
 * @throws ProblemException 400 for an array that is none, 413 for too much, 415 for another content type
 */
export function itemsOf(request: CapturedRequest): RequestItems {
  const type = contentTypeOf(request);
  if (isCloudEvents(request, type)) return cloudEventsOf(request);
  switch (type.media) {
    case 'application/json':
      assertUtf8(type);
      return beginsArray(request.body) ? arrayOf(request.body) : documentOf(request.body);
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
      assertUtf8(type);
      return listOf(splitNdjson(request.body, LIMITS));
    default:
      throw unsupportedMedia(type.media, ACCEPTED, ', or CloudEvents in binary mode (ce-* headers)');
  }
}

function isCloudEvents({ headers }: CapturedRequest, { media }: ContentType): boolean {
  return media.startsWith('application/cloudevents') || REQUIRED_ATTRIBUTES.some((name) => headers[name] !== undefined);
}

function cloudEventsOf(request: CapturedRequest): RequestItems {
  const given = fromCloudEventHttp(request, LIMITS);
  if (given === null) throw unsupportedMedia(contentTypeOf(request).media, ACCEPTED);
  if (given.refusal) {
    if (given.refusal.reason !== 'unsupported_content_type') throw refused(given.refusal);
    throw unsupportedMedia(contentTypeOf(request).media, ACCEPTED, `: ${given.refusal.rule}`);
  }
  if (given.mode !== 'batched') assertEventSize(request.body);
  const [first] = given.items;
  const { format, contenttype, attributes } = first ?? EVENTS;
  const items = given.items.map(({ value }) => value);
  return { items, reception: { ...EVENTS, format, contenttype, attributes }, document: given.mode === 'structured' };
}

function documentOf(body: Buffer): RequestItems {
  assertEventSize(body);
  return { items: [body], reception: EVENTS, document: true };
}

function arrayOf(body: Buffer): RequestItems {
  const exactly = (): RequestItems => listOf(splitJsonArray(body, LIMITS));
  const items = guessObjects(body, LIMITS);
  return items === null ? exactly() : { items, reception: EVENTS, document: false, exactly };
}

function listOf(split: Split): RequestItems {
  if (split.refusal) throw refused(split.refusal);
  return { items: split.items, reception: EVENTS, document: false };
}

function beginsArray(body: Buffer): boolean {
  let i = 0;
  while (body[i] === 0x20 || body[i] === 0x09 || body[i] === 0x0a || body[i] === 0x0d) i++;
  return body[i] === 0x5b;
}
