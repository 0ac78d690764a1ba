import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const PREFIX = 'millrace-curation-';

/** A folder for files that end with the process. Removes those of processes that were killed. */
export async function makeTempFolder(): Promise<string> {
  const parent = os.tmpdir();
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]);
    if (Number.isInteger(pid) && !isAlive(pid))
      await rm(path.join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
  return mkdtemp(path.join(parent, `${PREFIX}${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
