import { StorageError } from './port';

const PATH_BYTES_MAX = 1024;
/** The limit of ext4, APFS, NTFS and of nearly every other file system. */
const SEGMENT_BYTES_MAX = 255;
const RESERVED_PREFIX = '.staging';

const refuse = (path: string, why: string): never => {
  throw new StorageError('STORAGE_BAD_PATH', path, `not an object path, ${why}: ${JSON.stringify(path.slice(0, 200))}`);
};

/** Throws `STORAGE_BAD_PATH` unless `path` keeps the rules of the port. */
export function assertObjectPath(path: string): void {
  if (path === '') refuse(path, 'it is empty');
  assertCharacters(path);
  for (const segment of path.split('/')) assertSegment(path, segment);
  if (path.startsWith(RESERVED_PREFIX)) refuse(path, 'the name is reserved');
}

/** Like `assertObjectPath` for the start of a path: it may be empty and may end anywhere in a segment. */
export function assertPrefix(prefix: string): void {
  assertCharacters(prefix);
  for (const segment of prefix.split('/').slice(0, -1)) assertSegment(prefix, segment);
}

function assertCharacters(path: string): void {
  if (path.includes('\0')) refuse(path, 'it holds a NUL');
  if (path.includes('\\')) refuse(path, 'it holds a backslash');
  if (/\p{Surrogate}/u.test(path)) refuse(path, 'it holds a lone surrogate');
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) refuse(path, `it is longer than ${PATH_BYTES_MAX} bytes`);
}

function assertSegment(path: string, segment: string): void {
  if (segment === '') refuse(path, 'a segment is empty');
  if (segment === '.' || segment === '..') refuse(path, `a segment is ${segment}`);
  if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX)
    refuse(path, `a segment is longer than ${SEGMENT_BYTES_MAX} bytes`);
}

/**
 * Order of the UTF-8 bytes, which is the order of code points. JavaScript's `<` compares UTF-16 units and puts
 * characters beyond U+FFFF before U+E000.
 */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other unit. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
