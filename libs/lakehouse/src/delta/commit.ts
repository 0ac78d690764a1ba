import { StorageError } from '@millrace/storage';
import { CommitOutcomeUnknown, ConcurrentModification } from '../errors';
import { type Action, type CommitInfo, serializeCommit } from './actions';
import { conflictWith, type Dependence } from './conflicts';
import type { Commit, DeltaLog } from './delta-log';
import type { Snapshot } from './snapshot';

export const ENGINE_INFO = 'Millrace/0.1.0';

/** Times a write whose outcome is unknown is repeated, under its own version, before the caller is told so. */
const RESOLVE_ATTEMPTS = 4;
const RESOLVE_PAUSE_MS = 50;
/** Versions that others may take in front of us before we give up; each means that somebody else got on. */
const LOST_RACES_MAX = 1_000;

export interface CommitPlan {
  readonly actions: readonly Action[];
  readonly depends: Dependence;
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Time and names of whoever commits. */
export interface Committing {
  readonly now: () => number;
  /** A new UUID. */
  readonly newId: () => string;
  readonly pause: (ms: number) => Promise<void>;
}

export type Committed =
  | { readonly outcome: 'committed'; readonly snapshot: Snapshot }
  /** Another committer recorded the same transaction first: nothing was written. */
  | { readonly outcome: 'duplicate'; readonly snapshot: Snapshot }
  /** Nothing was written. `snapshot` is the newest of those that were checked for conflicts: the one to plan on again. */
  | { readonly outcome: 'conflict'; readonly snapshot: Snapshot; readonly error: ConcurrentModification };

/**
 * Commits what was planned on `read` as the next free version: put-if-absent, and on losing a version the winner's
 * actions are checked against what this commit depends on before the next version is tried.
 *
 * Throws `CommitOutcomeUnknown`; with every other error the commit was certainly not written. An answer that got lost is resolved by reading the version back and comparing
 * `commitInfo.txnId`: so a commit that landed is never reported as failed because of a second try.
 */
export async function commit(log: DeltaLog, read: Snapshot, plan: CommitPlan, by: Committing): Promise<Committed> {
  const txnId = by.newId();
  let base = read;
  for (let lost = 0; lost <= LOST_RACES_MAX; lost++) {
    const version = base.version + 1;
    const info = commitInfo(plan, read.version, txnId, by.now());
    const actions = [info, ...plan.actions];
    const winner = await writeVersion(log, version, serializeCommit(actions), txnId, by.pause);
    if (winner === null) return { outcome: 'committed', snapshot: base.advance([{ version, actions }]) };

    const others = [winner, ...(await log.readFrom(version + 1))];
    const verdict = judge(plan, others, read);
    base = base.advance(others);
    if (verdict === 'duplicate') return { outcome: 'duplicate', snapshot: base };
    if (verdict) return { outcome: 'conflict', snapshot: base, error: verdict };
  }
  throw new ConcurrentModification(`lost ${LOST_RACES_MAX} races for a version`, base.version, 'rows');
}

const GRAVITY = { rows: 3, definition: 2, arrangement: 1 } as const;

/** The gravest conflict with any of the other commits, or null. All are looked at: a light one may hide a grave one. */
function judge(
  plan: CommitPlan,
  others: readonly Commit[],
  read: Snapshot,
): ConcurrentModification | 'duplicate' | null {
  let gravest: ConcurrentModification | null = null;
  for (const theirs of others) {
    const verdict = conflictWith(plan.actions, plan.depends, theirs, read.metadata);
    if (verdict === 'duplicate') return verdict;
    if (verdict && (!gravest || GRAVITY[verdict.changed] > GRAVITY[gravest.changed])) gravest = verdict;
  }
  return gravest;
}

/** Null when `version` is ours now, else the commit that has it. */
export async function writeVersion(
  log: DeltaLog,
  version: number,
  bytes: Buffer,
  txnId: string,
  pause: Committing['pause'],
): Promise<Commit | null> {
  const failures: StorageError[] = [];
  for (let attempt = 1; attempt <= RESOLVE_ATTEMPTS; attempt++) {
    try {
      await log.write(version, bytes);
      return null;
    } catch (error) {
      if (!(error instanceof StorageError) || error.code === 'STORAGE_BAD_PATH') throw error;
      if (error.code !== 'STORAGE_EXISTS') {
        failures.push(error);
        if (attempt > 1 || error.canRetry) await pause(RESOLVE_PAUSE_MS * attempt);
        // It may have landed all the same. Writing the same bytes again tells: either they are there, or they get there.
        continue;
      }
    }
    const found = await log.read(version).catch((cause: unknown) => {
      throw new CommitOutcomeUnknown(version, cause);
    });
    if (found) return isOurs(found, txnId) ? null : found;
    // Exists, yet is absent: removed in between, which no writer does to the newest version.
    throw new CommitOutcomeUnknown(version, new Error(`version ${version} exists and cannot be read`));
  }
  throw await notWritten(log, version, txnId, failures);
}

/** The store goes on failing: says what is known. What a full or read-only store shows nothing of was not written. */
async function notWritten(
  log: DeltaLog,
  version: number,
  txnId: string,
  failures: readonly StorageError[],
): Promise<unknown> {
  const last = failures[failures.length - 1];
  const refused = failures.every((f) => f.code === 'STORAGE_FULL' || f.code === 'STORAGE_READ_ONLY');
  const found = await log.read(version).catch(() => 'unreadable' as const);
  if (!refused || found === 'unreadable' || (found && isOurs(found, txnId)))
    return new CommitOutcomeUnknown(version, last);
  return last;
}

const isOurs = (found: Commit, txnId: string): boolean =>
  found.actions.some((a) => 'commitInfo' in a && a.commitInfo.txnId === txnId);

export function commitInfo(
  plan: CommitPlan,
  readVersion: number,
  txnId: string,
  now: number,
): { commitInfo: CommitInfo } {
  const metrics = Object.entries(plan.metrics ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    commitInfo: {
      timestamp: now,
      operation: plan.operation,
      operationParameters: plan.parameters,
      readVersion,
      isBlindAppend: plan.depends.rows === null && plan.actions.every((a) => 'add' in a || 'txn' in a),
      operationMetrics: Object.fromEntries(metrics) as Record<string, string>,
      engineInfo: ENGINE_INFO,
      txnId,
    },
  };
}
