import { itemOf, noteKey } from './shipment-item';

export interface RawLine {
  /** The item's exact bytes. */
  readonly item: Buffer;
  readonly format: string;
  /** The line that it replaces: the same item under another key. */
  readonly replaces?: { readonly part: string; readonly line: number };
}

const LINE_FEED = 10;
/** The last member holds the item; within strings, quotes are escaped, so that its name is found nowhere else before. */
const LAST_MEMBER = /,"(body|text|base64)":/;

/** The lines of a raw part (JSONL). Throws Error for one that is not as raw lines are. */
export function* rawLinesOf(part: Buffer): Generator<RawLine> {
  for (let from = 0; from < part.length;) {
    const end = part.indexOf(LINE_FEED, from);
    if (end < 0) throw new Error('a raw part ends in the middle of a line');
    yield rawLineOf(part.subarray(from, end));
    from = end + 1;
  }
}

function rawLineOf(line: Buffer): RawLine {
  // One character a byte, so that places are those of bytes.
  const text = line.toString('latin1');
  const match = LAST_MEMBER.exec(text);
  if (!match) throw new Error(`not a raw line: ${text.slice(0, 200)}`);
  const head = JSON.parse(`${line.toString('utf8', 0, match.index)}}`) as Omit<RawLine, 'item'>;
  const value = line.subarray(match.index + match[0].length, line.length - 1);
  const { format, replaces } = head;
  if (match[1] === 'body') return { item: value, format, replaces };
  const decoded = JSON.parse(value.toString('utf8')) as string;
  return { item: Buffer.from(decoded, match[1] === 'text' ? 'utf8' : 'base64'), format, replaces };
}

/** The key under which an item was sent, told from its bytes. */
export function keyOfLine(item: Buffer, format: string): string {
  if (format !== 'events-api') return itemOf(item).sent.key;
  const { payload } = JSON.parse(item.toString('utf8')) as { payload: { note: string } };
  return noteKey(payload.note);
}
