import fs from 'node:fs';
import path from 'node:path';

/** The plan that waits for the next process of a service; empty when there is none. */
export function consumePlan(folder: string, service: string): string {
  const file = path.join(folder, `${service}.plan`);
  const mine = `${file}.${process.pid}`;
  try {
    // Of several processes of one service one gets it.
    fs.renameSync(file, mine);
    return fs.readFileSync(mine, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  } finally {
    fs.rmSync(mine, { force: true });
  }
}

/** Says what is about to be done, in a way that outlives the process. */
export function report(folder: string | null, service: string, text: string): void {
  if (folder !== null) fs.appendFileSync(path.join(folder, `${service}.done`), `${text}\n`);
}

/** Ends this process as kill -9 does. */
export async function crashProcess(): Promise<void> {
  process.kill(process.pid, 'SIGKILL');
  // The signal is delivered asynchronously: nothing may happen until then.
  await new Promise(() => undefined);
}
