import { isUtf8 } from 'node:buffer';
import { type NamedKey, SEAL_OVERHEAD_BYTES, sealInto } from '@millrace/privacy';
import type { Random } from '@millrace/observability';
import type { Mends, Origin, Received, StoredAt } from '../pipeline/received';
import { ByteBuilder } from './byte-builder';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * The accept metadata that begins a raw line: `{"at":…,"tenant":…,` and so on, the same for all items of an origin. The
 * members are those of the inbound headers; a mended version also names the line that it mends, and the same item under
 * another key the line that it replaces.
 */
export function rawLineHead(origin: Origin, { mends, replaces }: { mends?: Mends; replaces?: StoredAt } = {}): Buffer {
  const members = {
    ...origin.headers,
    ingestion: origin.ingestionId,
    ...(mends && { mends }),
    ...(replaces && { replaces: { part: replaces.part, line: replaces.line } }),
  };
  return Buffer.from(JSON.stringify(members).slice(0, -1) + ',');
}

/**
 * Adds one line of a raw part: a JSON object whose last member holds the item's exact bytes, as `body` where they are
 * JSON text on one line, else as `text` where they are UTF-8, else as `base64`.
 *
 * @param isJson whether the bytes are known to be one JSON text
 */
export function addRawLine(to: ByteBuilder, head: Buffer, { value, offset }: Received, isJson: boolean): void {
  to.copy(head);
  if (offset !== null) to.ascii(`"offset":${offset},`);
  if (isJson && value.indexOf(LINE_FEED) < 0 && value.indexOf(CARRIAGE_RETURN) < 0) {
    to.ascii('"body":');
    to.copy(value);
    to.ascii('}\n');
  } else to.text(`${itemMember(value)}}\n`);
}

const itemMember = (value: Buffer): string =>
  isUtf8(value) ? `"text":${JSON.stringify(value.toString('utf8'))}` : `"base64":"${value.toString('base64')}"`;

/** One line, without its end, of an item that nothing is known of. */
export function rawLine(head: object, value: Buffer): string {
  return `${JSON.stringify(head).slice(0, -1)},${itemMember(value)}}`;
}

/** What is before an item in its line, and the item. Quotes within strings are escaped, so no name is found within one. */
const LAST_MEMBER = /,"(body|text|base64)":/;

/** Head and item of a line as `addRawLine` writes it. Throws SyntaxError for one that is none. */
export function parseRawLine(line: string): {
  readonly head: Readonly<Record<string, unknown>>;
  readonly value: Buffer;
} {
  const match = LAST_MEMBER.exec(line);
  if (!match) throw new SyntaxError('not a raw line');
  const head = JSON.parse(`${line.slice(0, match.index)}}`) as Record<string, unknown>;
  const value = line.slice(match.index + match[0].length, -1);
  if (match[1] === 'body') return { head, value: Buffer.from(value) };
  return { head, value: Buffer.from(JSON.parse(value) as string, match[1] === 'text' ? 'utf8' : 'base64') };
}

/** What a sealed line is bound to. */
export const aboutRawLine = (keyId: string): string => `raw line ${keyId}`;

/**
 * Adds a line that is sealed as a whole, accept metadata included: `{"at":…,"key":…,"sealed":…}`. Whoever has the key
 * that it names finds in `sealed` (base64) the line as `addRawLine` writes it.
 *
 * @param scratch is overwritten
 */
export function addSealedLine(
  to: ByteBuilder,
  line: Buffer,
  { origin }: Received,
  { id, key }: NamedKey,
  random: Pick<Random, 'bytes'>,
  scratch = new ByteBuilder(0),
): void {
  scratch.clear();
  const sealed = scratch.room(line.length + SEAL_OVERHEAD_BYTES);
  sealInto(sealed, key, line, aboutRawLine(id), random);
  to.ascii(`{"at":"${origin.at}","key":"${id}","sealed":"`);
  to.base64(sealed);
  to.ascii('"}\n');
}

const SEALED_LINE = /^\{"at":"[^"]*","key":"([a-z0-9-]+)","sealed":"([A-Za-z0-9+/=]*)"\}$/;

/** Null for a line in clear. */
export function parseSealedLine(line: string): { readonly keyId: string; readonly sealed: Buffer } | null {
  const match = SEALED_LINE.exec(line);
  return match ? { keyId: match[1], sealed: Buffer.from(match[2], 'base64') } : null;
}
