import { isUtf8 } from 'node:buffer';
import type { Origin, Received } from '../pipeline/received';

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const TEXT = Buffer.from('"text":');
const BASE64 = Buffer.from('"base64":"');
const BODY = Buffer.from('"body":');
const END = Buffer.from('}\n');
const BASE64_END = Buffer.from('"}\n');

/**
 * The accept metadata that begins a raw line: `{"at":…,"tenant":…,` and so on, the same for all items of an origin up to
 * the offset. The members are those of the inbound headers.
 */
export function rawLineHead(origin: Origin): Buffer {
  return Buffer.from(JSON.stringify({ ...origin.headers, ingestion: origin.ingestionId }).slice(0, -1) + ',');
}

/**
 * Writes one line of a raw part: a JSON object whose last member holds the item's exact bytes, as `body` where they are
 * JSON text on one line, else as `text` where they are UTF-8, else as `base64`.
 *
 * @param isJson whether the bytes are known to be one JSON text
 * @returns the pieces of the line, to be joined
 */
export function rawLine(head: Buffer, { value, offset }: Received, isJson: boolean): Buffer[] {
  const place = offset === null ? head : Buffer.concat([head, Buffer.from(`"offset":${offset},`)]);
  if (isJson && value.indexOf(LINE_FEED) < 0 && value.indexOf(CARRIAGE_RETURN) < 0) return [place, BODY, value, END];
  if (isUtf8(value)) return [place, TEXT, Buffer.from(JSON.stringify(value.toString('utf8'))), END];
  return [place, BASE64, Buffer.from(value.toString('base64')), BASE64_END];
}
