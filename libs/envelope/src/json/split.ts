import type { Refusal } from '../envelope';
import { BATCH_ITEMS_MAX } from '../limits';
import { refusal } from '../refusal';

export interface SplitOptions {
  readonly itemsMax?: number;
}

export type Split =
  | { readonly items: Buffer[]; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly items?: undefined };

/**
 * The elements of a JSON array as views of `body`, bytes exactly as they came, white space around them left out.
 *
 * Only the array itself is checked: its brackets, commas and the quotes that hide them. An element may be no JSON at all
 * (`NaN`, invalid UTF-8) and is still an item, so that it can be reported without its neighbours.
 */
export function splitJsonArray(body: Buffer, { itemsMax = BATCH_ITEMS_MAX }: SplitOptions = {}): Split {
  const items: Buffer[] = [];
  let i = skipSpace(body, 0);
  if (body[i] !== 0x5b) return malformed('begins with [', i);
  i = skipSpace(body, i + 1);
  if (body[i] === 0x5d) return onlySpace(body, i + 1) ?? { items };
  for (;;) {
    const end = elementEnd(body, i);
    if (end < 0) return malformed('ends with ]; the body ends within an element', body.length);
    if (end === i) return malformed('has a value between commas', i);
    if (items.length === itemsMax) return tooMany(itemsMax);
    items.push(body.subarray(i, end));
    i = skipSpace(body, end);
    if (body[i] === 0x5d) return onlySpace(body, i + 1) ?? { items };
    if (body[i] !== 0x2c) return malformed('has a comma between elements and ends with ]', i);
    i = skipSpace(body, i + 1);
  }
}

/**
 * The lines of an NDJSON body as views of `body`, without their line breaks (LF or CRLF). Lines of white space are no
 * items. Nothing else is checked.
 */
export function splitNdjson(body: Buffer, { itemsMax = BATCH_ITEMS_MAX }: SplitOptions = {}): Split {
  const items: Buffer[] = [];
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(0x0a, start);
    const next = found < 0 ? body.length : found;
    let end = next;
    while (end > start && body[end - 1] === 0x0d) end--;
    if (skipSpace(body, start, end) < end) {
      if (items.length === itemsMax) return tooMany(itemsMax);
      items.push(body.subarray(start, end));
    }
    start = next + 1;
  }
  return { items };
}

/** Index behind the element that begins at `from`, `from` where there is none, or -1 where the body ends within it. */
function elementEnd(body: Buffer, from: number): number {
  let depth = 0;
  let i = from;
  for (; i < body.length; i++) {
    const c = body[i];
    if (c === 0x22) {
      i++;
      while (i < body.length && body[i] !== 0x22) i += body[i] === 0x5c ? 2 : 1;
      if (i >= body.length) return -1;
      if (depth === 0) return i + 1;
    } else if (c === 0x7b || c === 0x5b) depth++;
    else if (c === 0x7d || c === 0x5d) {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (depth === 0 && (c === 0x2c || isSpace(c))) return i;
  }
  return -1;
}

function onlySpace(body: Buffer, from: number): Split | null {
  const i = skipSpace(body, from);
  return i === body.length ? null : malformed('has nothing behind its ]', i);
}

function malformed(rule: string, at: number): Split {
  return { refusal: refusal('malformed_array', `a JSON array ${rule} (byte ${at})`) };
}

function tooMany(itemsMax: number): Split {
  return { refusal: refusal('too_many_items', `a batch has at most ${itemsMax} items`) };
}

function isSpace(c: number): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

function skipSpace(body: Buffer, from: number, end = body.length): number {
  let i = from;
  while (i < end && isSpace(body[i])) i++;
  return i;
}
