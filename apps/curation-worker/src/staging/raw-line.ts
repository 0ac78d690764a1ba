import { isUtf8 } from 'node:buffer';
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
