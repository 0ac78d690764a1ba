import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { isAlive, startMark } from './processes';

/**
 * Who is there: each process has a file of its own in a folder, named `<pid>.<start mark>.<random>`. A killed process
 * leaves a file that everyone can recognise as dead and remove without a race, since nobody else ever makes that name.
 */
export class Presence {
  private readonly file: string;

  private constructor(
    private readonly dir: string,
    readonly name: string,
  ) {
    this.file = path.join(dir, name);
  }

  static enter(dir: string): Presence {
    mkdirSync(dir, { recursive: true });
    const presence = new Presence(dir, `${process.pid}.${startMark(process.pid)}.${randomBytes(4).toString('hex')}`);
    writeFileSync(presence.file, '', { flag: 'wx' });
    return presence;
  }

  /** The others that live. Files of the dead are removed on the way. */
  others(): string[] {
    return present(this.dir).filter((name) => name !== this.name);
  }

  /** False when the whole folder was taken away meanwhile. */
  get stands(): boolean {
    return existsSync(this.file);
  }

  leave(): void {
    rmSync(this.file, { force: true });
  }
}

/** The living in `dir`. Files of the dead are removed on the way. */
export function present(dir: string): string[] {
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.filter((name) => {
    const [pid, mark] = name.split('.');
    if (isAlive(Number(pid)) && (mark === '0' || startMark(Number(pid)) === mark)) return true;
    rmSync(path.join(dir, name), { force: true });
    return false;
  });
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Runs `fn` while no other process does so for the same folder. Everyone enters before looking, so of two that arrive
 * together at least one sees the other and steps back; one killed inside holds up nobody. Resolves to undefined, without
 * running `fn`, when the turn has not come after `waitMsMax`.
 */
export async function exclusively<T>(
  dir: string,
  waitMsMax: number,
  fn: () => Promise<T>,
): Promise<{ value: T } | undefined> {
  const deadline = performance.now() + waitMsMax;
  for (;;) {
    if (present(dir).length === 0) {
      const mine = Presence.enter(dir);
      try {
        if (mine.others().length === 0 && mine.stands) return { value: await fn() };
      } finally {
        mine.leave();
      }
    }
    if (performance.now() > deadline) return undefined;
    await sleep(5 + Math.random() * 25);
  }
}
