import type { Readable } from 'node:stream';

/**
 * The storage port: immutable objects by path, on a file system or in a bucket.
 *
 * What every engine promises (and `testing/conformance.ts` checks):
 * - **Atomic visibility.** An object is seen whole or not at all, also after a crash in the middle of a write.
 * - **Create if absent.** Of any number of concurrent creators of one path exactly one succeeds, the others get
 *   `STORAGE_EXISTS`, and by then the winner's object is durable.
 * - **Durability.** When a write resolves, object and directory entries survive power loss.
 * - **Consistent listing.** An object written before a listing began is in it; paths come in UTF-8 byte order.
 *
 * A write that fails with anything but `STORAGE_EXISTS` and `STORAGE_BAD_PATH` may still have taken effect (the object
 * was created, then the call failed): whoever must know reads it back.
 *
 * Paths are relative, `/`-separated, of segments that are neither empty, `.` nor `..`, without NUL and backslash, at
 * most 255 bytes a segment and 1,024 in all; anything else is `STORAGE_BAD_PATH`. Names that begin with `.staging` at
 * the top are the engines' own.
 */
export interface Storage {
  createIfAbsent(path: string, bytes: Buffer): Promise<void>;
  /** Atomic overwrite, for hints such as `_last_checkpoint`. */
  put(path: string, bytes: Buffer): Promise<void>;
  /** Rejects with `STORAGE_NOT_FOUND`. */
  get(path: string): Promise<Buffer>;
  /** Bytes `start` up to, not including, `end`. Errors of `get` arrive as the stream's error. */
  read(path: string, range?: { start: number; end?: number }): Readable;
  stat(path: string): Promise<ObjectInfo | null>;
  /** Every object whose path starts with `prefix` and is greater than `startAfter`. */
  list(prefix: string, options?: { startAfter?: string }): AsyncIterable<ObjectInfo>;
  /** Deleting what is absent is no error. */
  delete(path: string): Promise<void>;
  /** A local file with the object's bytes, for engines that read files (DuckDB). Not to be written to. */
  localPath(path: string): Promise<string>;
  /**
   * A local file for another program (DuckDB) to write, published under `path` once complete.
   * `publish` syncs it and creates the object if absent; `discard` removes it. Nothing is visible before `publish`.
   */
  stage(path: string): Promise<StagedObject>;
  /** Like `stage`, for programs that name their files themselves (DuckDB's partitioned COPY). */
  stageFolder(): Promise<StagedFolder>;
  /** Bytes free for new objects, or null where there is no such bound. */
  freeBytes(): Promise<{ free: number; total: number } | null>;
}

export interface StagedObject {
  readonly localPath: string;
  publish(): Promise<void>;
  discard(): Promise<void>;
}

export interface StagedFolder {
  /** An empty local folder. */
  readonly localPath: string;
  /**
   * Creates an object of each named file, as `StagedObject.publish` does. Resolves when all are durable; when one
   * fails, others may have become visible. May be called several times.
   */
  publish(files: readonly { readonly localPath: string; readonly path: string }[]): Promise<void>;
  /** Removes the folder and what was not published. */
  discard(): Promise<void>;
}

export interface ObjectInfo {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export type StorageErrorCode =
  | 'STORAGE_EXISTS'
  | 'STORAGE_NOT_FOUND'
  | 'STORAGE_BAD_PATH'
  | 'STORAGE_FULL'
  | 'STORAGE_READ_ONLY'
  | 'STORAGE_UNAVAILABLE';

export class StorageError extends Error {
  readonly canRetry: boolean;
  constructor(
    readonly code: StorageErrorCode,
    readonly path: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'StorageError';
    this.canRetry = code === 'STORAGE_FULL' || code === 'STORAGE_UNAVAILABLE';
  }
}
