import type { Gauge } from '@millrace/observability';
import type { RetentionStore } from './port';

/** Counts frozen partitions at each scrape; only whoever leads counts. */
export class FrozenGauge {
  constructor(private readonly store: Pick<RetentionStore, 'frozenCounts'>) {}

  async set(gauge: Pick<Gauge, 'reset' | 'set'>, leads: boolean): Promise<void> {
    // Without the database there is nothing to be said.
    const counts = leads ? await this.store.frozenCounts().catch(() => []) : [];
    gauge.reset();
    for (const { mart, frozen, late } of counts) {
      gauge.set({ mart, late: 'no' }, frozen - late);
      gauge.set({ mart, late: 'yes' }, late);
    }
  }
}
