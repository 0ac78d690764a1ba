import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * How a source signs its webhooks.
 * - `standard`: Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), secret `whsec_<base64>`
 * - `github`: `X-Hub-Signature-256: sha256=<hex HMAC of the body>`
 * - `stripe`: `Stripe-Signature: t=<seconds>,v1=<hex HMAC of "t.body">`
 */
export type WebhookScheme = 'standard' | 'github' | 'stripe';
export const WEBHOOK_SCHEMES: readonly WebhookScheme[] = ['standard', 'github', 'stripe'];

export interface WebhookSource {
  readonly scheme: WebhookScheme;
  /** All are tried, so that a secret can be rotated without refusing what is under way. */
  readonly secrets: readonly string[];
  /** Whose its events are. */
  readonly tenant: string;
}

type Signing = Pick<WebhookSource, 'scheme' | 'secrets'>;

export type HeaderLookup = (name: string) => string | undefined;

/** Why a signature does not hold; the words never repeat a secret or a signature. */
export interface SignatureFault {
  /** The header at fault, lower case. */
  readonly header: string;
  readonly rule: 'required' | 'timestamp' | 'signature';
  readonly detail: string;
}

/** Seconds that a signed timestamp may lie from now, either way (Standard Webhooks recommends five minutes). */
export const SIGNATURE_TOLERANCE_SECONDS = 300;

/** Null when the signature holds. */
export function signatureFault(
  source: Signing,
  header: HeaderLookup,
  body: Buffer,
  nowMs: number,
): SignatureFault | null {
  switch (source.scheme) {
    case 'standard':
      return standardFault(source, header, body, nowMs);
    case 'github': {
      const name = 'x-hub-signature-256';
      const given = header(name);
      if (!given?.startsWith('sha256=')) return fault(name, 'required', 'X-Hub-Signature-256 is required');
      const matches = anyMatches(source.secrets.map(textKey), body, [Buffer.from(given.slice(7), 'hex')]);
      return matches ? null : fault(name, 'signature', 'X-Hub-Signature-256 does not match');
    }
    case 'stripe':
      return stripeFault(source, header, body, nowMs);
  }
}

function standardFault(source: Signing, header: HeaderLookup, body: Buffer, nowMs: number): SignatureFault | null {
  const id = header('webhook-id');
  const timestamp = header('webhook-timestamp');
  const signatures = header('webhook-signature');
  if (!id || !timestamp || !signatures) {
    const detail = 'webhook-id, webhook-timestamp and webhook-signature are required';
    return fault(!id ? 'webhook-id' : !timestamp ? 'webhook-timestamp' : 'webhook-signature', 'required', detail);
  }
  const stale = staleness(timestamp, nowMs);
  if (stale) return fault('webhook-timestamp', 'timestamp', `webhook-timestamp ${stale}`);
  const given = signatures.split(' ').flatMap((s) => (s.startsWith('v1,') ? [Buffer.from(s.slice(3), 'base64')] : []));
  // The id is signed as the bytes that were sent, and Node gives each byte of a header as a character.
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`, 'latin1'), body]);
  if (anyMatches(source.secrets.map(standardKey), signed, given)) return null;
  return fault('webhook-signature', 'signature', 'webhook-signature does not match');
}

function stripeFault(source: Signing, header: HeaderLookup, body: Buffer, nowMs: number): SignatureFault | null {
  const name = 'stripe-signature';
  const parts = (header(name) ?? '').split(',').map((part) => part.trim().split('=', 2));
  const timestamp = parts.find(([k]) => k === 't')?.[1];
  const given = parts.filter(([k]) => k === 'v1').map(([, v]) => Buffer.from(v ?? '', 'hex'));
  if (!timestamp || given.length === 0) return fault(name, 'required', 'Stripe-Signature with t and v1 is required');
  const stale = staleness(timestamp, nowMs);
  if (stale) return fault(name, 'timestamp', `Stripe-Signature t ${stale}`);
  const signed = Buffer.concat([Buffer.from(`${timestamp}.`), body]);
  if (anyMatches(source.secrets.map(textKey), signed, given)) return null;
  return fault(name, 'signature', 'Stripe-Signature does not match');
}

const textKey = (secret: string): Buffer => Buffer.from(secret);

/** Secrets of Standard Webhooks are base64, with or without their prefix. */
export function standardKey(secret: string): Buffer {
  return Buffer.from(secret.startsWith('whsec_') ? secret.slice(6) : secret, 'base64');
}

function fault(header: string, rule: SignatureFault['rule'], detail: string): SignatureFault {
  return { header, rule, detail };
}

function staleness(timestamp: string, nowMs: number): string | null {
  if (!/^\d{1,12}$/.test(timestamp)) return 'must be Unix seconds';
  const off = Math.abs(nowMs / 1000 - Number(timestamp));
  return off > SIGNATURE_TOLERANCE_SECONDS ? `is more than ${SIGNATURE_TOLERANCE_SECONDS} s from now` : null;
}

/** Every pair is compared, in constant time each, so that the time taken tells nothing about which matched. */
function anyMatches(keys: readonly Buffer[], signed: Buffer, given: readonly Buffer[]): boolean {
  let matched = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(signed).digest();
    for (const signature of given) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) matched = true;
    }
  }
  return matched;
}

/** What a webhook says of itself beside its body: its id and type, where the source's headers have them. */
export function webhookIdentity(header: HeaderLookup): { id?: string; type?: string } {
  return {
    id: header('webhook-id') ?? header('x-github-delivery'),
    type: header('x-github-event') ?? header('x-event-type') ?? header('x-shopify-topic'),
  };
}
