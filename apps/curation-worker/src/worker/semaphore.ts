/** Lets a bounded number of tasks run at once; the others wait in line. */
export class Semaphore {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(readonly permits: number) {
    this.free = permits;
  }

  /** Tasks that hold a permit. */
  get taken(): number {
    return this.permits - this.free;
  }

  /** Resolves with the function that gives the permit back; calling that again changes nothing. */
  async acquire(): Promise<() => void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    };
  }

  async use<T>(task: () => Promise<T>): Promise<T> {
    const release = await this.acquire();
    try {
      return await task();
    } finally {
      release();
    }
  }
}
