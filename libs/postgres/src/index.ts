export { type BinaryParameter, bindMessage, executeBound, type Parameter, type Statement, type TextRow } from './bound';
export { copyIn, type CopyOptions, type CopyTarget, type CopyValue } from './copy-in';
export { parseCopyBinary, readCopyBinary, type CopyRow } from './copy-out';
export {
  isConflict,
  isDiskFull,
  isUnavailable,
  isUnknownOutcome,
  PostgresError,
  type PostgresErrorCode,
} from './errors';
export { checksumOf, migrate, type MigrateOptions } from './migrate';
export { createPool, type Pool, type PoolClient, type PoolOptions } from './pool';
export { quoteIdentifier, quoteLiteral } from './quoting';
export { commit, transaction, type Isolation, type TransactionOptions, type TransactionRetry } from './transaction';
export { unnest, type Unnested, type UnnestColumn } from './unnest';
export { uuidArrayParam } from './uuid-array';
