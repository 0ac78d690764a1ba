import { createHash } from 'node:crypto';
import { ProblemException } from '@millrace/service';
import { type CapturedRequest, header } from '../capture/http';

export const KEY_CHARS_MAX = 255;

/**
 * The key of a request, or undefined. The draft makes the header a structured string (`"8e03978e-…"`, RFC 8941, 3.3.3);
 * most clients send the bare text, and both forms of a text are the same key.
 * @throws ProblemException 400 for a key that is neither
 */
export function idempotencyKeyOf(request: CapturedRequest): string | undefined {
  const given = header(request, 'idempotency-key');
  if (given === undefined) return undefined;
  const key = given.startsWith('"') ? quoted(given) : /^[\x21-\x7e]+$/.test(given) ? given : undefined;
  if (key !== undefined && key.length > 0 && key.length <= KEY_CHARS_MAX) return key;
  const detail = `Idempotency-Key is 1-${KEY_CHARS_MAX} visible ASCII characters, or a quoted string.`;
  throw new ProblemException(400, { detail, errors: [{ path: 'header.idempotency-key', rule: 'format', detail }] });
}

function quoted(text: string): string | undefined {
  const match = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(text);
  return match?.[1].replace(/\\(.)/g, '$1');
}

/** Headers that are part of what a request says; all others may differ between repetitions. */
const MEANINGFUL = /^(content-type|ce-.+|webhook-id|x-github-(event|delivery)|x-event-type|x-shopify-topic)$/;

/** Equal for requests that say the same: headers that decide how the body is read, query and body. */
export function requestHash(request: CapturedRequest): Buffer {
  const hash = createHash('sha256');
  const names = Object.keys(request.headers).filter((name) => MEANINGFUL.test(name));
  for (const name of names.sort()) add(hash, name, header(request, name) ?? '');
  for (const [name, value] of Object.entries(request.query).sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(hash, `?${name}`, JSON.stringify(value));
  }
  return hash.update('\0').update(request.body).digest();
}

/** Preceded by their lengths, so that no two lists of parts read alike. */
function add(hash: ReturnType<typeof createHash>, ...parts: string[]): void {
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
}
