export type DuckErrorCode =
  /** A value does not fit its type: the data is wrong, not the machine. */
  | 'DUCK_CONVERSION'
  /** A constraint, a malformed file, or `error()` in SQL. */
  | 'DUCK_INVALID_INPUT'
  /** Memory or spill limit reached. */
  | 'DUCK_OUT_OF_MEMORY'
  | 'DUCK_DISK_FULL'
  /** A file cannot be read or written, or is absent. */
  | 'DUCK_IO'
  | 'DUCK_CANCELLED'
  | 'DUCK_TIMEOUT'
  /** The statement is wrong: syntax, unknown names, types that do not go together. */
  | 'DUCK_STATEMENT'
  | 'DUCK_CLOSED'
  /** DuckDB broke; after FATAL the instance must be opened again. */
  | 'DUCK_INTERNAL';

const RETRIABLE: ReadonlySet<DuckErrorCode> = new Set([
  'DUCK_OUT_OF_MEMORY',
  'DUCK_DISK_FULL',
  'DUCK_IO',
  'DUCK_TIMEOUT',
]);

/** An error of DuckDB, sorted by what to do about it. The message is DuckDB's own and may quote data. */
export class DuckError extends Error {
  readonly canRetry: boolean;
  constructor(
    readonly code: DuckErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'DuckError';
    this.canRetry = RETRIABLE.has(code);
  }
}

/** DuckDB's messages begin with the name of the error's kind (src/common/exception.cpp). */
const KINDS: readonly [RegExp, DuckErrorCode][] = [
  [/^INTERRUPT Error/, 'DUCK_CANCELLED'],
  [/No space left on device|failed to offload data block|max_temp_directory_size/i, 'DUCK_DISK_FULL'],
  [/^Out of Memory Error/, 'DUCK_OUT_OF_MEMORY'],
  [/^(Conversion|Out of Range|Decimal|Mismatch Type) Error/, 'DUCK_CONVERSION'],
  [/^(IO|HTTP|Permission) Error/, 'DUCK_IO'],
  [/^(Invalid Input|Constraint|Serialization) Error|^TransactionContext Error/, 'DUCK_INVALID_INPUT'],
  [
    /^(Parser|Syntax|Binder|Catalog|Not implemented|Expression|Parameter Not Resolved|Parameter Not Allowed|Invalid Configuration|Dependency|Missing Extension|Settings|Invalid type|Sequence|Planner) Error/i,
    'DUCK_STATEMENT',
  ],
];

export function toDuckError(error: unknown): DuckError {
  if (error instanceof DuckError) return error;
  const message = String((error as { message?: unknown } | null)?.message ?? error);
  const kind = KINDS.find(([pattern]) => pattern.test(message));
  return new DuckError(kind?.[1] ?? 'DUCK_INTERNAL', message, { cause: error });
}
