import { StorageError } from '@millrace/storage';
import { type DuckConnection } from '../duckdb';
import { TableNotFound, UnsupportedTable, VersionNotFound } from '../errors';
import { readCheckpoint } from './checkpoint-read';
import type { DeltaLog } from './delta-log';
import { before, checkpointName, LOG_FOLDER } from './log-names';
import { Snapshot } from './snapshot';

/** What loading takes of DuckDB: a connection for as long as a checkpoint is read. */
export type UseDuck = <T>(task: (connection: DuckConnection) => Promise<T>) => Promise<T>;

export interface Loaded {
  readonly snapshot: Snapshot;
  /** The newest checkpoint known to exist; -1 when none is. */
  readonly checkpoint: number;
}

/**
 * The newest version of a table. From a version known before, only later commits are read; else the newest checkpoint
 * that `_last_checkpoint` names, and the commits after it. The log is listed only where these do not lead to the end.
 */
export async function loadNewest(log: DeltaLog, duck: UseDuck, known: Loaded | null): Promise<Loaded> {
  const start = known ?? (await fromHint(log, duck));
  if (start) {
    const snapshot = start.snapshot.advance(await log.readFrom(start.snapshot.version + 1));
    // Clean-up never removes the newest commit: were this version gone, later ones would be, out of our reach.
    if (await log.hasCommit(snapshot.version)) return { ...start, snapshot };
  }
  return (await fromListing(log, duck, Infinity)) ?? listedAgain(log, duck, Infinity);
}

/** A version of the past. Throws `VersionNotFound` when it was never made or is no longer kept. */
export async function loadVersion(log: DeltaLog, duck: UseDuck, version: number): Promise<Snapshot> {
  const { snapshot } = (await fromListing(log, duck, version)) ?? (await listedAgain(log, duck, version));
  if (snapshot.version !== version) {
    throw new VersionNotFound(`version ${version} does not exist; the newest is ${snapshot.version}`, false);
  }
  return snapshot;
}

async function fromHint(log: DeltaLog, duck: UseDuck): Promise<Loaded | null> {
  const hint = await log.lastCheckpoint();
  if (!hint || hint.parts !== 1) return null;
  try {
    const actions = await duck((connection) => readCheckpoint(log, [checkpointName(hint.version)], connection));
    return { snapshot: Snapshot.EMPTY.advance([{ version: hint.version, actions }]), checkpoint: hint.version };
  } catch (error) {
    // The hint may name a checkpoint that clean-up removed since.
    if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return null;
    throw error;
  }
}

/** A clean-up in between may take what was listed; what lacks twice is lacking. */
async function listedAgain(log: DeltaLog, duck: UseDuck, upTo: number): Promise<Loaded> {
  const loaded = await fromListing(log, duck, upTo);
  if (!loaded) throw new UnsupportedTable('a log that lacks a version');
  return loaded;
}

/** Null when a listed commit or one between two of them is not there. */
async function fromListing(log: DeltaLog, duck: UseDuck, upTo: number): Promise<Loaded | null> {
  const commits = new Set<number>();
  const checkpoints = new Map<string, { version: number; parts: number; names: string[] }>();
  let v2 = -1;
  for await (const file of log.list()) {
    if (file.kind === 'other' || file.version > upTo) continue;
    if (file.kind === 'commit') commits.add(file.version);
    else if (file.kind === 'v2-checkpoint') v2 = Math.max(v2, file.version);
    else {
      const key = `${file.version}/${file.parts}`;
      const found = checkpoints.get(key) ?? { version: file.version, parts: file.parts, names: [] };
      found.names.push(`${LOG_FOLDER}/${file.path.slice(file.path.lastIndexOf('/') + 1)}`);
      checkpoints.set(key, found);
    }
  }
  const whole = [...checkpoints.values()].filter((c) => c.names.length === c.parts);
  const newest = whole.sort((a, b) => b.version - a.version)[0];

  let snapshot = Snapshot.EMPTY;
  if (newest) {
    const actions = await duck((connection) => readCheckpoint(log, newest.names, connection));
    snapshot = snapshot.advance([{ version: newest.version, actions }]);
  } else if (!commits.has(0)) {
    if (v2 >= 0) throw new UnsupportedTable('v2 checkpoints');
    if (commits.size === 0 && (upTo === Infinity || !(await anyCommit(log)))) throw new TableNotFound(log.root);
    if (upTo !== Infinity) throw new VersionNotFound(`version ${upTo} is no longer kept`, true);
    throw new UnsupportedTable(`a log that begins at version ${Math.min(...commits)} without a checkpoint`);
  }
  const last = Math.max(snapshot.version, ...commits);
  const later = await log.readFrom(snapshot.version + 1, last);
  snapshot = snapshot.advance(later);
  if (snapshot.version < last) return null;
  return { snapshot, checkpoint: newest?.version ?? -1 };
}

async function anyCommit(log: DeltaLog): Promise<boolean> {
  for await (const file of log.list(before(0))) if (file.kind === 'commit') return true;
  return false;
}
