import type { Envelope } from '../envelope';
import { fingerprint } from '../json/fingerprint';
import { parseLossless } from '../json/lossless';

/**
 * Fingerprint of what an event says: type, version, its own time, and payload with integers exact. Two events of one id
 * with different fingerprints are not repetitions of each other. An event time that is only the accept time is left out,
 * as it differs between repetitions.
 */
export function eventFingerprint(envelope: Envelope): string {
  const { eventType, eventVersion, eventTime, ingestTime, payload, payloadJson, payloadRounded } = envelope;
  const time = eventTime === ingestTime ? null : eventTime;
  return fingerprint([eventType, eventVersion, time, payloadRounded ? parseLossless(payloadJson) : payload]);
}
