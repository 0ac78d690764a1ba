import type { LandingStore } from './port';

/** Hands out batch ids from blocks, so that most landings ask the database for none. */
export class BatchIds {
  private next = 0;
  private end = 0;
  private fetching: Promise<void> | null = null;

  constructor(private readonly store: LandingStore) {}

  async take(): Promise<number> {
    while (this.next >= this.end) {
      this.fetching ??= this.fetch().finally(() => (this.fetching = null));
      await this.fetching;
    }
    return this.next++;
  }

  private async fetch(): Promise<void> {
    const { first, count } = await this.store.batchIds();
    this.next = first;
    this.end = first + count;
  }
}
