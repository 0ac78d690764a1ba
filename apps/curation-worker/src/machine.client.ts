import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toStorageError } from '@millrace/storage/filesystem';
import type { Scratch } from './staging/scratch';
import type { Timers } from './worker/timers';

/** This machine's timers and scratch files. */
export const systemTimers: Timers = {
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  every: (ms, callback) => {
    const timer = setInterval(callback, ms);
    return () => clearInterval(timer);
  },
};

const PREFIX = 'millrace-curation-';

export interface ScratchFolder extends Scratch {
  readonly folder: string;
  remove(): Promise<void>;
}

/** Scratch files in a folder of this process's own. Removes the folders of processes that were killed. */
export async function openScratch(): Promise<ScratchFolder> {
  const parent = os.tmpdir();
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isInteger(pid) && !isAlive(pid))
      await rm(path.join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
  const folder = await mkdtemp(path.join(parent, `${PREFIX}${process.pid}-`));
  let files = 0;
  return {
    folder,
    async hold(bytes) {
      const file = path.join(folder, String(files++));
      try {
        await writeFile(file, bytes);
      } catch (error) {
        await rm(file, { force: true }).catch(() => undefined);
        // A full disk is waited out, and is no batch's fault.
        throw toStorageError(error, 'a scratch file', 'writing');
      }
      return { path: file, drop: () => rm(file, { force: true }) };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
