import type { LeaderLock, LeaderSession } from '@millrace/table-manager/simulation';
import type { SimProcess } from './process';
import type { Shared } from './shared';

interface Session {
  readonly end: () => void;
  open: boolean;
}

/** The advisory lock of a database: whoever holds it, until its session ends. */
export class SharedLock {
  holder: Session | null = null;

  release(session: Session): void {
    session.open = false;
    if (this.holder === session) this.holder = null;
  }

  /** The database ends the session; its process may not know yet. */
  cut(): void {
    const { holder } = this;
    if (!holder) return;
    this.release(holder);
    holder.end();
  }
}

const broken = (method: string): Error => new Error(`the session broke during ${method}`);

export function lockOf(process: SimProcess, { lock, world }: Shared): LeaderLock {
  return {
    acquire: (onEnd) =>
      process.call(
        'lock',
        'acquire',
        (): LeaderSession | null => {
          if (lock.holder) return null;
          // The process hears of the end of its session some time after it.
          const end = (): void => void process.after(process.random.between(0, 4_000), onEnd);
          const session: Session = { open: true, end };
          lock.holder = session;
          process.afterlife.push(() => lock.release(session));
          process.silences.push(() => lock.holder === session && lock.cut());
          world.trace(`${process.service} takes the lock`);
          return {
            ping: () =>
              process.call(
                'lock',
                'ping',
                () => {
                  if (!session.open) throw broken('ping');
                },
                broken,
              ),
            release: () => process.alive && lock.release(session),
          };
        },
        (method) => {
          // A session that broke while it took the lock does not keep it.
          world.after(process.random.between(0, 1_000), () => lock.cut());
          return broken(method);
        },
      ),
  };
}
