import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Storage } from '@millrace/storage';
import type { InboundHeaders } from '@millrace/topics';
import type { Opener } from '../privacy/opener';
import { originOf, type Received } from '../pipeline/received';

/** Text of one part, at most: of a landing, and one item that is larger than it. */
const PART_BYTES_MAX = 512 << 20;
const SEALED_MEMBER = '","sealed":"';
const LINE_FEED = 10;
/** The last member holds the item; within strings quotes are escaped, so its name is found nowhere else before. */
const LAST_MEMBER = /,"(body|text|base64)":/;

const gunzipped = promisify(gunzip);

/** The items of a raw part, in the order of its lines; null for a line that is none. */
export async function readRawPart(
  storage: Pick<Storage, 'get'>,
  path: string,
  opener: Pick<Opener, 'lines'>,
): Promise<Iterable<Received | null>> {
  const text = await gunzipped(await storage.get(path), { maxOutputLength: PART_BYTES_MAX });
  return itemsOf(await openLines(text, opener));
}

/** A part with its sealed lines opened; one that can never be read again becomes an empty one. */
async function openLines(text: Buffer, opener: Pick<Opener, 'lines'>): Promise<Buffer> {
  if (!text.includes(SEALED_MEMBER)) return text;
  const lines = await opener.lines(text.toString('utf8').replace(/\n$/, '').split('\n'));
  return Buffer.from(lines.map((line) => (typeof line === 'string' ? `${line}\n` : '\n')).join(''));
}

export function* itemsOf(text: Buffer): Generator<Received | null> {
  for (let from = 0; from < text.length;) {
    const at = text.indexOf(LINE_FEED, from);
    const end = at < 0 ? text.length : at;
    yield itemOf(text.subarray(from, end));
    from = end + 1;
  }
}

function itemOf(line: Buffer): Received | null {
  // One character a byte, so that places are those of bytes.
  const match = LAST_MEMBER.exec(line.toString('latin1'));
  if (!match) return null;
  try {
    const head = JSON.parse(`${line.toString('utf8', 0, match.index)}}`) as InboundHeaders & {
      readonly ingestion?: string;
      readonly offset?: number;
    };
    const { ingestion, offset, ...headers } = head;
    const value = line.subarray(match.index + match[0].length, line.length - 1);
    const bytes =
      match[1] === 'body'
        ? value
        : Buffer.from(JSON.parse(value.toString('utf8')) as string, match[1] === 'text' ? 'utf8' : 'base64');
    return { origin: originOf(headers, ingestion ?? ''), value: bytes, offset: offset ?? null };
  } catch {
    return null;
  }
}
