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
}

export type HeaderLookup = (name: string) => string | undefined;

/** Seconds that a signed timestamp may lie from now, either way (Standard Webhooks recommends five minutes). */
export const SIGNATURE_TOLERANCE_SECONDS = 300;

/** Null when the signature holds, else the reason in words, which never repeat a secret or a signature. */
export function signatureFault(source: WebhookSource, header: HeaderLookup, body: Buffer, nowMs: number): string | null {
  switch (source.scheme) {
    case 'standard': {
      const id = header('webhook-id');
      const timestamp = header('webhook-timestamp');
      const signatures = header('webhook-signature');
      if (!id || !timestamp || !signatures) return 'webhook-id, webhook-timestamp and webhook-signature are required';
      const stale = staleness(timestamp, nowMs);
      if (stale) return `webhook-timestamp ${stale}`;
      const given = signatures.split(' ').flatMap((s) => (s.startsWith('v1,') ? [Buffer.from(s.slice(3), 'base64')] : []));
      const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
      return anyMatches(source.secrets.map(standardKey), signed, given) ? null : 'webhook-signature does not match';
    }
    case 'github': {
      const given = header('x-hub-signature-256');
      if (!given?.startsWith('sha256=')) return 'X-Hub-Signature-256 is required';
      const matches = anyMatches(source.secrets.map((s) => Buffer.from(s)), body, [Buffer.from(given.slice(7), 'hex')]);
      return matches ? null : 'X-Hub-Signature-256 does not match';
    }
    case 'stripe': {
      const parts = (header('stripe-signature') ?? '').split(',').map((p) => p.trim().split('=', 2));
      const timestamp = parts.find(([k]) => k === 't')?.[1];
      const given = parts.filter(([k]) => k === 'v1').map(([, v]) => Buffer.from(v ?? '', 'hex'));
      if (!timestamp || given.length === 0) return 'Stripe-Signature with t and v1 is required';
      const stale = staleness(timestamp, nowMs);
      if (stale) return `Stripe-Signature t ${stale}`;
      const signed = Buffer.concat([Buffer.from(`${timestamp}.`), body]);
      return anyMatches(source.secrets.map((s) => Buffer.from(s)), signed, given) ? null : 'Stripe-Signature does not match';
    }
  }
}

function standardKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
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
