import { createHmac } from 'node:crypto';
import type { WebhookSource } from '@millrace/ingest-gateway/simulation';
import { EVENTS_TABLE } from '@millrace/topics';
import type { SentItem } from '../checker/history';
import type { SeededRandom } from './random';
import type { Request } from './requests';
import { EPOCH_MS } from './world';

/** Whoever reads rows knows it by this; `draw` sends everything as this tenant. */
export const TENANT = 'acme';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const FORGED = 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const SIGNED = 'clerk';

/** One that signs; all others are taken from who has a credential. */
export const SOURCES: ReadonlyMap<string, WebhookSource> = new Map([
  [SIGNED, { scheme: 'standard', secrets: [SECRET], tenant: TENANT }],
]);

/**
 * A webhook: signed by its source, or of one that does not sign, or forged. A gateway whose clock is off refuses a true
 * one, too, and another takes it.
 */
export function webhookRequest(name: string, random: SeededRandom, nowMs: number): Request {
  const source = random.chance(0.6) ? SIGNED : 'forms';
  const isForged = source === SIGNED && random.chance(0.2);
  const key = isForged ? `forged-${name}` : name;
  const payload = { type: 'user.created', k: key, n: random.below(1_000) };
  const body = JSON.stringify(payload);
  const headers = { 'content-type': 'application/json', 'webhook-id': key };
  const signature = source === SIGNED ? signed(key, body, nowMs, isForged ? FORGED : SECRET) : {};
  const sent: SentItem = {
    ...{ key, hash: JSON.stringify(payload), bytes: body },
    ...{ fate: 'landed', tables: [EVENTS_TABLE] },
  };
  const keyed: Record<string, string> = random.chance(0.3) ? { 'idempotency-key': key } : {};
  return {
    route: 'webhook',
    items: [{ sent, value: Buffer.from(body), shipment: null }],
    refused: isForged ? [0] : [],
    captured: {
      headers: { ...headers, ...signature, ...keyed },
      ...{ query: {}, params: { source }, body: Buffer.from(body), tenant: TENANT },
    },
  };
}

function signed(id: string, body: string, nowMs: number, secret: string): Record<string, string> {
  const seconds = Math.floor((EPOCH_MS + nowMs) / 1_000);
  const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${id}.${seconds}.${body}`);
  return { 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${mac.digest('base64')}` };
}
