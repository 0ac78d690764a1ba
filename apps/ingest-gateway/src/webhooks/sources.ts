import { ConfigError } from '@millrace/service';
import { WEBHOOK_SCHEMES, type WebhookSource } from './signature';

export const SOURCE_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

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
  for (const [name, entry] of Object.entries(value as Record<string, { scheme?: unknown; secrets?: unknown } | null>)) {
    if (!SOURCE_NAME.test(name)) fail(`names a source that is not of the form ${SOURCE_NAME.source}`);
    const scheme = WEBHOOK_SCHEMES.find((s) => s === entry?.scheme);
    const secrets = entry?.secrets;
    if (!scheme) fail(`${name}.scheme must be one of ${WEBHOOK_SCHEMES.join(', ')}`);
    else if (!Array.isArray(secrets) || secrets.length === 0 || !secrets.every((s) => typeof s === 'string' && s.length >= 16)) {
      fail(`${name}.secrets must be a list of at least one string of 16 characters or more`);
    } else sources.set(name, { scheme, secrets: secrets as string[] });
  }
  return sources;
}
