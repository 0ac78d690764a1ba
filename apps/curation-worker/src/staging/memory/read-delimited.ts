import { DELIMITER, NULL, QUOTE } from '../delimited';

/** The rows of a file of delimited.ts; null stands for NULL. */
export function readDelimited(bytes: Buffer): (string | null)[][] {
  const text = bytes.toString('utf8');
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  for (let at = 0; at < text.length;) {
    const [cell, end] = text[at] === QUOTE ? quoted(text, at + 1) : plain(text, at);
    row.push(cell);
    if (text[end] === '\n') {
      rows.push(row);
      row = [];
    }
    at = end + 1;
  }
  return rows;
}

/** A cell that begins here, and the index of what ends it. */
function plain(text: string, from: number): [string | null, number] {
  let end = from;
  while (end < text.length && text[end] !== DELIMITER && text[end] !== '\n') end++;
  const cell = text.slice(from, end);
  return [cell === NULL ? null : cell, end];
}

function quoted(text: string, from: number): [string, number] {
  let cell = '';
  for (let at = from; ;) {
    const end = text.indexOf(QUOTE, at);
    cell += text.slice(at, end);
    if (text[end + 1] !== QUOTE) return [cell, end + 1];
    cell += QUOTE;
    at = end + 2;
  }
}
