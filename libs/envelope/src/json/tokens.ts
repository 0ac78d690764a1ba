/** Text of a key between its quotes, escapes decoded. The bytes must have been scanned. */
export function keyText(bytes: Uint8Array, start: number, end: number): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** Whether the literal is within the range of a double. */
export function isFiniteNumber(bytes: Uint8Array, from: number, to: number): boolean {
  return Number.isFinite(Number(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')));
}

/** Index behind `true`, `false` or `null`, or -1. */
export function literalEnd(bytes: Uint8Array, at: number, end: number): number {
  const c = bytes[at];
  if (c === 0x74) return matches(bytes, at, end, 'true') ? at + 4 : -1;
  if (c === 0x66) return matches(bytes, at, end, 'false') ? at + 5 : -1;
  if (c === 0x6e) return matches(bytes, at, end, 'null') ? at + 4 : -1;
  return -1;
}

/** What some serialisers write for numbers that JSON does not have. */
export function isNumberName(bytes: Uint8Array, at: number, end: number): boolean {
  return matches(bytes, at, end, 'NaN') || matches(bytes, at, end, 'Infinity');
}

function matches(bytes: Uint8Array, at: number, end: number, word: string): boolean {
  if (at + word.length > end) return false;
  for (let k = 0; k < word.length; k++) if (bytes[at + k] !== word.charCodeAt(k)) return false;
  return true;
}

/** The value of four hex digits, or -1. */
export function hex4(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  let value = 0;
  for (let k = at; k < at + 4; k++) {
    const c = bytes[k];
    const lower = c | 0x20;
    const digit = c >= 0x30 && c <= 0x39 ? c - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
