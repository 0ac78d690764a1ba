import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { processIdentity } from './process-identity';
import { StartError } from './start-error';

/** A process started by the holder of the lock. */
export interface ChildRecord {
  readonly name: string;
  readonly pid: number;
  readonly identity: string | null;
}

interface LockRecord {
  readonly token: string;
  readonly pid: number;
  readonly identity: string | null;
  readonly host: string;
  readonly startedAt: string;
  readonly url: string | null;
  readonly children: readonly ChildRecord[];
}

export interface LockOptions {
  /** The address shown to whoever finds the folder taken. */
  readonly url?: string;
  /** A lock of another host is alive while its file is younger than this (default 20,000 ms). */
  readonly heartbeatMsMax?: number;
  readonly host?: string;
}

const FILE = 'supervisor.lock';
const HEARTBEAT_MS = 2_000;

/**
 * Holds a data folder for one supervisor.
 *
 * The lock is a file that appears whole (`link` of a finished one is atomic and fails if the name is taken). It is
 * stale once its process is gone, told by pid and start time, or, where it was written on another host (a container
 * that shares the folder), once its heartbeat stops. A stale lock is moved aside by name; whoever moved a lock that
 * was not the one it had judged puts it back.
 */
export class DataLock {
  private children: ChildRecord[] = [];
  private heartbeat: NodeJS.Timeout | undefined;

  private constructor(
    private readonly file: string,
    private readonly record: LockRecord,
    /** Children of the holder before, when it did not end in order. Some may still run. */
    readonly leftovers: readonly ChildRecord[],
  ) {
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.heartbeat.unref();
  }

  /** Throws StartError naming the holder when the folder is taken. */
  static acquire(dataDir: string, options: LockOptions = {}): DataLock {
    const file = path.join(dataDir, FILE);
    const host = options.host ?? os.hostname();
    const record: LockRecord = {
      token: randomUUID(),
      pid: process.pid,
      identity: processIdentity(process.pid),
      host,
      startedAt: new Date().toISOString(),
      url: options.url ?? null,
      children: [],
    };
    let leftovers: readonly ChildRecord[] = [];
    for (let attempt = 0; attempt < 20; attempt++) {
      if (createWhole(file, JSON.stringify(record))) {
        if (read(file)?.token === record.token) return new DataLock(file, record, leftovers);
        continue;
      }
      const holder = read(file);
      if (!holder) continue;
      if (isHeld(file, holder, host, options.heartbeatMsMax ?? 20_000)) throw heldError(dataDir, holder, host);
      if (moveAside(file, holder.token)) leftovers = holder.children;
    }
    throw new StartError(`Could not take the lock ${file}: other processes are starting on the same folder.`);
  }

  /** Notes the children that run now, so that the next holder can end what is left of them. */
  setChildren(children: readonly ChildRecord[]): void {
    this.children = [...children];
    const temporary = `${this.file}.${process.pid}`;
    fs.writeFileSync(temporary, JSON.stringify({ ...this.record, children: this.children }));
    fs.renameSync(temporary, this.file);
  }

  release(): void {
    clearInterval(this.heartbeat);
    if (read(this.file)?.token === this.record.token) fs.rmSync(this.file, { force: true });
  }

  private beat(): void {
    try {
      fs.utimesSync(this.file, new Date(), new Date());
    } catch {
      // A folder that was deleted under us shows in the services' own errors.
    }
  }
}

function createWhole(file: string, text: string): boolean {
  const temporary = `${file}.${process.pid}.${randomUUID()}`;
  fs.writeFileSync(temporary, text);
  try {
    fs.linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    // File systems without hard links (FAT, some network mounts): exclusive creation is the next best thing.
    return createExclusive(file, text);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function createExclusive(file: string, text: string): boolean {
  try {
    fs.writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): LockRecord | null {
  // A torn or foreign file cannot name a live holder.
  const nobody = { token: '', pid: 0, identity: null, host: os.hostname(), startedAt: '', url: null, children: [] };
  try {
    const record = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<LockRecord>;
    return typeof record.token === 'string' && typeof record.pid === 'number' && Array.isArray(record.children)
      ? (record as LockRecord)
      : nobody;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : nobody;
  }
}

function isHeld(file: string, holder: LockRecord, host: string, heartbeatMsMax: number): boolean {
  if (holder.host !== host) {
    const age = Date.now() - (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    return age < heartbeatMsMax;
  }
  if (holder.pid <= 0) return false;
  const identity = processIdentity(holder.pid);
  return identity !== null && (holder.identity === null || identity === holder.identity);
}

function moveAside(file: string, token: string): boolean {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return false;
  }
  try {
    if ((read(aside)?.token ?? '') === token) return true;
    fs.linkSync(aside, file);
    return false;
  } catch {
    return false;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

function heldError(dataDir: string, holder: LockRecord, host: string): StartError {
  const where = holder.host === host ? '' : ` on host ${holder.host}`;
  return new StartError(
    `Millrace already runs on ${dataDir}: pid ${holder.pid}${where}, since ${holder.startedAt}${holder.url ? `, at ${holder.url}` : ''}.\n` +
      'Stop that one (Ctrl-C in its terminal), or start this one on another folder and other ports: --data DIR --port-base N.',
  );
}
