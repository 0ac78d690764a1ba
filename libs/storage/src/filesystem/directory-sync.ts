import { open } from 'node:fs/promises';

/**
 * fsync of folders, shared by concurrent callers. A call is covered by any fsync that begins after it, so while one
 * runs all newcomers wait for a single next one: a hundred files created at once in a folder cost two flushes.
 */
export class DirectorySync {
  private readonly lanes = new Map<string, { running: Promise<void>; next: Promise<void> | null }>();

  /** Resolves when every entry made in `directory` before the call is durable. */
  sync(directory: string): Promise<void> {
    const lane = this.lanes.get(directory);
    if (lane) {
      // The one in flight may have begun before the caller's entry was made: whatever its end, another follows.
      lane.next ??= lane.running.catch(() => undefined).then(() => this.begin(directory));
      return lane.next;
    }
    return this.begin(directory);
  }

  private begin(directory: string): Promise<void> {
    const lane = { running: flush(directory), next: null as Promise<void> | null };
    this.lanes.set(directory, lane);
    const forget = (): void => {
      if (lane.next === null && this.lanes.get(directory) === lane) this.lanes.delete(directory);
    };
    lane.running.then(forget, forget);
    return lane.running;
  }
}

async function flush(directory: string): Promise<void> {
  // Windows has no fsync of folders; NTFS journals entries by itself.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
