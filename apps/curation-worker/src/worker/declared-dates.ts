import type { LandingStore } from '../landing/port';

/** Tells the store of the earliest accept date of an epoch's files before the first such file is written. */
export class DeclaredDates {
  private epoch = 0;
  private earliest: string | null = null;

  constructor(private readonly store: Pick<LandingStore, 'declareDate'>) {}

  async declare(epoch: number, date: string): Promise<void> {
    if (epoch !== this.epoch) [this.epoch, this.earliest] = [epoch, null];
    if (this.earliest !== null && date >= this.earliest) return;
    await this.store.declareDate(epoch, date);
    // Another landing may have declared an earlier one meanwhile.
    if (this.epoch === epoch && (this.earliest === null || date < this.earliest)) this.earliest = date;
  }
}
