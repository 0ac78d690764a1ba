import { isUtf8 } from 'node:buffer';

/**
 * Attribute values as header values (CloudEvents HTTP binding 1.0.2, 3.1.3.2): UTF-8, with percent-encoding for all but
 * printable ASCII, and for space, double quote and percent sign.
 */
export function encodeHeaderValue(text: string): string {
  if (/^[!#$&-~]*$/.test(text)) return text;
  let value = '';
  for (const byte of Buffer.from(text, 'utf8')) value += isPlain(byte) ? String.fromCharCode(byte) : percent(byte);
  return value;
}

/** The same for bytes that may not be UTF-8, so that decoding can say so. */
export function encodeHeaderBytes(bytes: Uint8Array): string {
  let value = '';
  for (const byte of bytes) value += isPlain(byte) ? String.fromCharCode(byte) : percent(byte);
  return value;
}

function isPlain(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x25;
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/**
 * Undoes it: takes off the quotes of a quoted-string (RFC 9110, 5.6.4), percent-decodes once, and reads UTF-8. A percent
 * sign without two hex digits stands for itself. Null where the bytes are no UTF-8. Values come as Node gives them, one
 * character a byte.
 */
export function decodeHeaderValue(value: string): string | null {
  let text = value;
  if (text.length >= 2 && text.startsWith('"') && text.endsWith('"')) text = text.slice(1, -1).replace(/\\(.)/g, '$1');
  if (/^[ -$&-~]*$/.test(text)) return text;
  const source = Buffer.from(text, /[^\0-\xff]/.test(text) ? 'utf8' : 'latin1');
  const decoded = Buffer.alloc(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const hex = source[i] === 0x25 ? source.toString('latin1', i + 1, i + 3) : '';
    if (/^[0-9A-Fa-f]{2}$/.test(hex)) {
      decoded[length++] = parseInt(hex, 16);
      i += 2;
    } else decoded[length++] = source[i];
  }
  const bytes = decoded.subarray(0, length);
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}
