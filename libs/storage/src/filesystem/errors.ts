import { StorageError, type StorageErrorCode } from '../port';

/**
 * The errno name of a failed system call, or undefined for any other error. Judged by shape: where code runs in a
 * context of its own (jest, vm) Node's errors are no instances of that context's `Error`.
 */
export function errno(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

const ANY: Record<string, StorageErrorCode> = {
  ENOENT: 'STORAGE_NOT_FOUND',
  // A folder is no object, and nothing is below an object.
  ENOTDIR: 'STORAGE_NOT_FOUND',
  EISDIR: 'STORAGE_NOT_FOUND',
  ENAMETOOLONG: 'STORAGE_BAD_PATH',
  EILSEQ: 'STORAGE_BAD_PATH',
  ELOOP: 'STORAGE_BAD_PATH',
};

const WRITING: Record<string, StorageErrorCode> = {
  ...ANY,
  ENOENT: 'STORAGE_UNAVAILABLE',
  ENOTDIR: 'STORAGE_BAD_PATH',
  EISDIR: 'STORAGE_BAD_PATH',
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  // RLIMIT_FSIZE, or the largest file of the file system.
  EFBIG: 'STORAGE_FULL',
  EROFS: 'STORAGE_READ_ONLY',
  EACCES: 'STORAGE_READ_ONLY',
  EPERM: 'STORAGE_READ_ONLY',
};

const SAYS: Record<StorageErrorCode, string> = {
  STORAGE_EXISTS: 'the object exists',
  STORAGE_NOT_FOUND: 'there is no such object',
  STORAGE_BAD_PATH: 'the file system refuses the path',
  STORAGE_FULL: 'the disk or the quota is full',
  STORAGE_READ_ONLY: 'the folder cannot be written to',
  STORAGE_UNAVAILABLE: 'the file system failed',
};

/** Translates a failed system call; errors that are translated already pass through. */
export function toStorageError(error: unknown, path: string, during: 'reading' | 'writing'): StorageError {
  if (error instanceof StorageError) return error;
  const name = errno(error);
  const code = (name !== undefined && (during === 'writing' ? WRITING : ANY)[name]) || 'STORAGE_UNAVAILABLE';
  return new StorageError(code, path, `${SAYS[code]}: ${path}${name ? ` (${name})` : ''}`, { cause: error });
}
