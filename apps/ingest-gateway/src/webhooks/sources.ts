import { HOME_TENANT, isTenant } from '@millrace/auth';
import { ConfigError } from '@millrace/service';
import { standardKey, WEBHOOK_SCHEMES, type WebhookScheme, type WebhookSource } from './signature';

export const SOURCE_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** A shorter key could be guessed. */
const KEY_BYTES_MIN = 16;
const BASE64 = /^(whsec_)?[A-Za-z0-9+/_-]+={0,2}$/;

/** Parses WEBHOOK_SOURCES. Errors name the source and the rule, never a secret. */
export function parseWebhookSources(text: string): ReadonlyMap<string, WebhookSource> {
  const fail = (detail: string): never => {
    throw new ConfigError([`WEBHOOK_SOURCES ${detail}`]);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    fail('must be JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('must be a JSON object');
  const sources = new Map<string, WebhookSource>();
  for (const [name, entry] of Object.entries(
    value as Record<string, Partial<Record<'scheme' | 'secrets' | 'tenant', unknown>> | null>,
  )) {
    if (!SOURCE_NAME.test(name)) fail(`names a source that is not of the form ${SOURCE_NAME.source}`);
    const scheme = WEBHOOK_SCHEMES.find((s) => s === entry?.scheme);
    if (!scheme) return fail(`${name}.scheme must be one of ${WEBHOOK_SCHEMES.join(', ')}`);
    const secrets = entry?.secrets;
    if (!Array.isArray(secrets) || secrets.length === 0 || !secrets.every((secret) => isSecret(scheme, secret))) {
      const form = scheme === 'standard' ? 'base64 strings (whsec_…)' : 'strings';
      return fail(`${name}.secrets must be a list of one or more ${form} of ${KEY_BYTES_MIN} bytes or more`);
    }
    const tenant = entry?.tenant ?? HOME_TENANT;
    if (!isTenant(tenant)) return fail(`${name}.tenant must be 1-64 letters, digits, ".", "_" and "-"`);
    sources.set(name, { scheme, secrets: secrets as string[], tenant });
  }
  return sources;
}

/** Node reads what is no base64 as fewer bytes, in the end as none: a key that anyone could sign with. */
function isSecret(scheme: WebhookScheme, secret: unknown): boolean {
  if (typeof secret !== 'string') return false;
  if (scheme !== 'standard') return Buffer.byteLength(secret) >= KEY_BYTES_MIN;
  return BASE64.test(secret) && standardKey(secret).length >= KEY_BYTES_MIN;
}
