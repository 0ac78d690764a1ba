/**
 * What an event is: decoding of everything that comes in, the canonical envelope, CloudEvents both ways, canonical JSON,
 * and identity. Pure functions of bytes; what is wrong with an event is a value (`Refusal`), never an exception.
 */
export * from './envelope';
export * from './limits';
export { REFUSAL_REASONS, type RefusalReason } from './refusal';
export { decode } from './decode/decode';
export { canonicalize } from './json/canonical';
export { fingerprint } from './json/fingerprint';
export { guessObjects } from './json/guess-objects';
export { parseLossless } from './json/lossless';
export { splitJsonArray, splitNdjson, type Split, type SplitOptions } from './json/split';
export { eventFingerprint } from './identity/event-fingerprint';
export { contentId } from './identity/content-id';
export { derivedEventId, mintEventId, type IdClock, type IdRandom } from './identity/event-id';
export { isCalendarDate, normalizeTimestamp } from './time/timestamp';
export { scan, type Scan, type TopMember } from './json/scan';
export { contentIdOfItem, inspect, isSound, type Inspected, type InspectHeaders } from './decode/inspect';
export {
  fromCloudEventHttp,
  type CloudEventsRequest,
  type HttpMessage,
  type InboundItem,
} from './cloudevents/from-http';
export { fromCloudEventKafka, type KafkaMessage } from './cloudevents/from-kafka';
export { toCloudEvent, type CloudEventMessage, type CloudEventMode } from './cloudevents/to-cloud-event';
export { encodeHeaderValue, decodeHeaderValue } from './cloudevents/header-value';
