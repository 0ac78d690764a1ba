import type { Gauge } from '@millrace/observability';
import type { QualityStore } from './quality-store';

const DATASETS_MAX = 50;
const OTHERS = 'other';

/** Counts what fails at each scrape, of a bounded number of datasets; only whoever leads counts. */
export class FailuresGauge {
  private readonly named = new Set<string>();

  constructor(private readonly store: Pick<QualityStore, 'counts'>) {}

  async set(gauge: Pick<Gauge, 'reset' | 'inc'>, leads: boolean): Promise<void> {
    // Without the database there is nothing to be said.
    const counts = leads ? await this.store.counts().catch(() => []) : [];
    gauge.reset();
    for (const { dataset, severity, open } of counts) {
      if (this.named.size < DATASETS_MAX) this.named.add(dataset);
      gauge.inc({ dataset: this.named.has(dataset) ? dataset : OTHERS, severity }, open);
    }
  }
}
