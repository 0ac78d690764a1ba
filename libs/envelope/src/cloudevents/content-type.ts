export interface ContentType {
  /** `type/subtype`, lower case. */
  readonly media: string;
  /** Lower case, without quotes; null where the type names none. */
  readonly charset: string | null;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const MEDIA_TYPE = new RegExp(
  `^(${TOKEN}/${TOKEN})((?:[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|"(?:[^"\\\\]|\\\\.)*"))?)*)[ \\t]*$`,
);
const CHARSET = /;[ \t]*charset=(?:"([^"]*)"|([^;\s]*))/i;

/** A media type with its parameters (RFC 2046, RFC 9110 8.3); null where it is none. */
export function parseContentType(text: string): ContentType | null {
  const match = text.length <= 1024 ? MEDIA_TYPE.exec(text.trim()) : null;
  if (!match) return null;
  const charset = CHARSET.exec(match[2]);
  return { media: match[1].toLowerCase(), charset: charset ? (charset[1] ?? charset[2]).toLowerCase() : null };
}

/** The test of the CloudEvents JSON format (3.1): subtype `json`, or one that ends in `+json`. */
export function isJsonMedia(media: string): boolean {
  return /\/(?:json|.+\+json)$/.test(media);
}

const TEXT =
  /^text\/|[/+](?:xml|yaml)$|^application\/(?:javascript|ecmascript|x-ndjson|x-yaml|x-www-form-urlencoded|graphql|sql)$/;

export function isTextMedia(media: string): boolean {
  return TEXT.test(media);
}

/** How Node reads the characters of a charset; null for those that are not read here. ASCII is part of UTF-8. */
export function encodingOf(charset: string | null): 'utf8' | 'latin1' | null {
  if (charset === null || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii' || charset === 'ascii')
    return 'utf8';
  return charset === 'iso-8859-1' || charset === 'latin1' ? 'latin1' : null;
}
