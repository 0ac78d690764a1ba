import { isUtf8 } from 'node:buffer';
import { type NamedKey, seal } from '@millrace/privacy';
import type { Random } from '@millrace/observability';
import type { Mends, Origin, Received } from '../pipeline/received';
import type { ByteBuilder } from './byte-builder';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * The accept metadata that begins a raw line: `{"at":…,"tenant":…,` and so on, the same for all items of an origin. The
 * members are those of the inbound headers; a mended version also names the line that it replaces.
 */
export function rawLineHead(origin: Origin, mends?: Mends): Buffer {
  const members = { ...origin.headers, ingestion: origin.ingestionId, ...(mends && { mends }) };
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
  } else if (isUtf8(value)) to.text(`"text":${JSON.stringify(value.toString('utf8'))}}\n`);
  else to.text(`"base64":"${value.toString('base64')}"}\n`);
}

/** What a sealed line is bound to. */
export const aboutRawLine = (keyId: string): string => `raw line ${keyId}`;

/**
 * Adds a line that is sealed as a whole, accept metadata included: `{"at":…,"key":…,"sealed":…}`. Whoever has the key
 * that it names finds in `sealed` (base64) the line as `addRawLine` writes it.
 */
export function addSealedLine(
  to: ByteBuilder,
  line: Buffer,
  { origin }: Received,
  { id, key }: NamedKey,
  random: Pick<Random, 'bytes'>,
): void {
  const bytes = seal(key, line, aboutRawLine(id), random);
  to.ascii(`{"at":"${origin.at}","key":"${id}","sealed":"${bytes.toString('base64')}"}\n`);
}

const SEALED_LINE = /^\{"at":"[^"]*","key":"([a-z0-9-]+)","sealed":"([A-Za-z0-9+/=]*)"\}$/;

/** Null for a line in clear. */
export function parseSealedLine(line: string): { readonly keyId: string; readonly sealed: Buffer } | null {
  const match = SEALED_LINE.exec(line);
  return match ? { keyId: match[1], sealed: Buffer.from(match[2], 'base64') } : null;
}
