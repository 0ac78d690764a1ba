import { PATH_CHARS_MAX } from '../limits';
import { keyText } from './tokens';

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The JSON path (RFC 9535) of segments below `$`, `$.payload.items[2]['odd name']`, cut at `PATH_CHARS_MAX`. */
export function formatPath(segments: readonly (string | number)[]): string {
  let path = '$';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else path += PLAIN.test(segment) ? `.${segment}` : `['${quoted(segment)}']`;
    if (path.length > PATH_CHARS_MAX) return `${path.slice(0, PATH_CHARS_MAX)}…`;
  }
  return path;
}

/** Controls are escaped: a path is shown, logged, and stored where NUL cannot be. */
function quoted(name: string): string {
  return name
    .replace(/[\\']/g, '\\$&')
    .replace(/[\p{Cc}\p{Surrogate}]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

interface Frame {
  /** Index of the element under way, or -1 in an object. */
  index: number;
  key: string | null;
  keys: Set<string> | null;
}

/**
 * The path of the value or key at byte `position`. Bytes before it must be the beginning of a JSON text, as they are
 * before a `Scanner` fault. Slow: it is for the one event that is refused.
 */
export function pathAt(bytes: Uint8Array, start: number, position: number): string {
  const frames = trace(bytes, start, position, false).frames;
  const segments: (string | number)[] = [];
  for (const { index, key } of frames) {
    if (index >= 0) segments.push(index);
    else if (key !== null) segments.push(key);
  }
  return formatPath(segments);
}

/** Byte position of the first key that its object already has (escapes decoded), or -1. The bytes must be JSON. */
export function duplicateKeyAt(bytes: Uint8Array, start: number, end: number): number {
  return trace(bytes, start, end, true).duplicateAt;
}

function trace(
  bytes: Uint8Array,
  start: number,
  end: number,
  unique: boolean,
): { frames: Frame[]; duplicateAt: number } {
  const frames: Frame[] = [];
  let expectsKey = false;
  let i = start;
  while (i < end || (i === end && expectsKey && bytes[i] === 0x22)) {
    const c = bytes[i];
    const top = frames.at(-1);
    if (c === 0x22) {
      const close = closingQuote(bytes, i + 1);
      if (expectsKey && top) {
        top.key = close < bytes.length ? readableKey(bytes, i + 1, close) : null;
        expectsKey = false;
        if (top.key === null) break;
        if (top.keys?.has(top.key)) return { frames, duplicateAt: i };
        top.keys?.add(top.key);
      }
      if (close >= end) break;
      i = close + 1;
      continue;
    }
    if (c === 0x7b) {
      frames.push({ index: -1, key: null, keys: unique ? new Set() : null });
      expectsKey = true;
    } else if (c === 0x5b) {
      frames.push({ index: 0, key: null, keys: null });
      expectsKey = false;
    } else if (c === 0x7d || c === 0x5d) {
      frames.pop();
      expectsKey = false;
    } else if (c === 0x2c && top) {
      if (top.index >= 0) top.index++;
      else {
        top.key = null;
        expectsKey = true;
      }
    }
    i++;
  }
  return { frames, duplicateAt: -1 };
}

/** Null for the key in which a text stops being JSON. */
function readableKey(bytes: Uint8Array, start: number, end: number): string | null {
  try {
    return keyText(bytes, start, end);
  } catch {
    return null;
  }
}

function closingQuote(bytes: Uint8Array, from: number): number {
  let i = from;
  while (i < bytes.length && bytes[i] !== 0x22) i += bytes[i] === 0x5c ? 2 : 1;
  return Math.min(i, bytes.length);
}
