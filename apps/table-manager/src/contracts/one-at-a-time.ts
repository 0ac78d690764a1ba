/** Callers that wait for their turn. */
const WAITING_MAX = 100;

/** Too many wait already. */
export class QueueFullError extends Error {
  readonly code = 'QUEUE_FULL';
  readonly canRetry = true;
}

/** Runs work one after the other, in the order of the calls; work that fails holds up nobody. */
export class OneAtATime {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting >= WAITING_MAX) throw new QueueFullError('too many changes wait for their turn');
    this.waiting++;
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.waiting--;
    }
  }
}
