export type LakehouseErrorCode =
  | 'TABLE_NOT_FOUND'
  | 'TABLE_EXISTS'
  | 'VERSION_NOT_FOUND'
  | 'SCHEMA_MISMATCH'
  | 'UNSUPPORTED_TABLE'
  | 'CONCURRENT_MODIFICATION'
  | 'TRANSACTION_CONTRADICTION'
  | 'COMMIT_OUTCOME_UNKNOWN';

/** What fails in operating on a table. `canRetry` says whether the same call may succeed later without a change. */
export class LakehouseError extends Error {
  constructor(
    readonly code: LakehouseErrorCode,
    message: string,
    readonly canRetry: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

export class TableNotFound extends LakehouseError {
  constructor(readonly root: string) {
    super('TABLE_NOT_FOUND', `there is no Delta table at ${root}`, false);
  }
}

export class TableExists extends LakehouseError {
  constructor(readonly root: string) {
    super('TABLE_EXISTS', `there is a Delta table at ${root} already`, false);
  }
}

/** The version was never made, or its log has expired (`expired`; over HTTP that is 410, the other 404). */
export class VersionNotFound extends LakehouseError {
  constructor(
    message: string,
    readonly expired: boolean,
  ) {
    super('VERSION_NOT_FOUND', message, false);
  }
}

/** The rows do not fit the table's columns. */
export class SchemaMismatch extends LakehouseError {
  constructor(message: string) {
    super('SCHEMA_MISMATCH', message, false);
  }
}

/** The table uses a feature of the Delta protocol that this library does not have. */
export class UnsupportedTable extends LakehouseError {
  constructor(readonly feature: string) {
    super('UNSUPPORTED_TABLE', `the table needs what is not supported here: ${feature}`, false);
  }
}

/**
 * Another writer changed what this commit depends on. Nothing was committed. The caller reads the table again and
 * plans again; repeating the call as it is may lay old results over new ones.
 */
export class ConcurrentModification extends LakehouseError {
  constructor(
    message: string,
    readonly version: number,
    /** What the other commit changed: rows, only their arrangement in files, or the table's definition. */
    readonly changed: 'rows' | 'arrangement' | 'definition',
  ) {
    super('CONCURRENT_MODIFICATION', `${message} (version ${version})`, true);
  }
}

/** The table holds part of the range that a transaction claims to be new: its order is broken, or two write one line. */
export class TransactionContradiction extends LakehouseError {
  constructor(appId: string, wanted: { version: number; expected?: number }, found: number) {
    super(
      'TRANSACTION_CONTRADICTION',
      `transaction ${appId} (${wanted.expected ?? '-'}, ${wanted.version}] meets version ${found} in the table`,
      false,
    );
  }
}

/**
 * The store failed so that it cannot be told whether the commit took effect. Its data files are left in place. A call
 * that carried a `txn` may be repeated: it is recognised if the first one landed after all.
 */
export class CommitOutcomeUnknown extends LakehouseError {
  constructor(version: number, cause: unknown) {
    super('COMMIT_OUTCOME_UNKNOWN', `it is not known whether version ${version} was committed`, true, { cause });
  }
}
