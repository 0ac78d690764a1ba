import { BATCH_ITEMS_MAX } from '../limits';
import type { SplitOptions } from './split';

const BETWEEN = Buffer.from('},{');

/**
 * The elements of an array that is written as serialisers write arrays of objects, without white space between them,
 * found by looking for `},{`: a tenth of what `splitJsonArray` costs. Null for any other array.
 *
 * A guess, because the same bytes may stand inside an element. It is right if every one of them is a JSON object: no
 * object is the beginning of another. Else the array is to be split by `splitJsonArray`.
 */
export function guessObjects(body: Buffer, { itemsMax = BATCH_ITEMS_MAX }: SplitOptions = {}): Buffer[] | null {
  let start = 0;
  let end = body.length;
  while (isSpace(body[start])) start++;
  while (end > start && isSpace(body[end - 1])) end--;
  if (body[start] !== 0x5b || body[start + 1] !== 0x7b || body[end - 1] !== 0x5d || body[end - 2] !== 0x7d) return null;
  start++;
  end--;
  const items: Buffer[] = [];
  for (let at = body.indexOf(BETWEEN, start); at >= 0; at = body.indexOf(BETWEEN, start)) {
    if (items.length === itemsMax - 1) return null;
    items.push(body.subarray(start, at + 1));
    start = at + 2;
  }
  items.push(body.subarray(start, end));
  return items;
}

function isSpace(c: number | undefined): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}
