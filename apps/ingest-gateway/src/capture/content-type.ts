import { ProblemException } from '@millrace/service';
import { type CapturedRequest, header } from './http';

export interface ContentType {
  /** `type/subtype`, lower case; empty where the request has none. */
  readonly media: string;
  /** Whether text of this type is UTF-8: no charset, or one that UTF-8 includes. */
  readonly utf8: boolean;
}

const UTF8 = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);
const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^;\s]*))/i;
const KNOWN_MAX = 64;
const known = new Map<string, ContentType>();

/** Producers send the same few values again and again: those are read once. */
export function contentTypeOf(request: CapturedRequest): ContentType {
  const text = header(request, 'content-type') ?? '';
  let type = known.get(text);
  if (!type) {
    const charset = CHARSET.exec(text);
    const media = text.split(';', 1)[0].trim().toLowerCase();
    type = { media, utf8: charset === null || UTF8.has((charset[1] ?? charset[2]).toLowerCase()) };
    if (known.size < KNOWN_MAX) known.set(text, type);
  }
  return type;
}

/** 415, naming what is taken instead. */
export function unsupportedMedia(media: string, accepted: readonly string[], and = ''): ProblemException {
  const detail = `This takes ${accepted.join(', ')}${and}${media === '' ? '; the request names no content type' : `; this is ${shown(media)}`}.`;
  const errors = [{ path: 'header.content-type', rule: 'media_type', detail }];
  return new ProblemException(415, { detail, errors }, { accept: accepted.join(', ') });
}

/** JSON is UTF-8 (RFC 8259, 8.1): bytes that say they are something else are refused rather than misread. */
export function assertUtf8({ utf8 }: ContentType): void {
  if (utf8) return;
  const detail = 'JSON is UTF-8; the content type names another charset.';
  throw new ProblemException(415, { detail, errors: [{ path: 'header.content-type', rule: 'charset', detail }] });
}

/** A compressed body would be kept as it is and read by nobody. */
export function assertNoContentEncoding(request: CapturedRequest): void {
  const encoding = header(request, 'content-encoding');
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity' || encoding.trim() === '') return;
  const detail = `Bodies are taken as they are, without content coding; this one says ${shown(encoding)}.`;
  const errors = [{ path: 'header.content-encoding', rule: 'content_coding', detail }];
  throw new ProblemException(415, { detail, errors }, { 'accept-encoding': 'identity' });
}

/** Of what a client sent only so much comes back, and nothing but printable ASCII. */
function shown(text: string): string {
  return text.slice(0, 80).replace(/[^ -~]/g, '?');
}
