import type { Messaging } from '@millrace/messaging';
import type { Metrics } from '@millrace/observability';
import { REPLAY_LOG } from '../replay/stored-batch';
import type { Landed, LandDeps } from '../landing/land-batch';
import { LATENESS_BOUNDS_SECONDS, SKEW_BOUNDS_SECONDS } from '../windows/buckets';
import type { SourceTimes } from '../windows/deltas';

/** Sources that have series of their own. */
const SOURCES_MAX = 50;

/** What an operator asks: how much, how fast, how far behind, and what is wrong with the rest. */
export class CurationMetrics {
  private readonly events;
  private readonly quarantined;
  private readonly conflicting;
  private readonly batchEvents;
  private readonly ageSeconds;
  private readonly steps;
  private readonly lateness;
  private readonly skew;
  private readonly sources = new Set<string>();

  constructor(private readonly metrics: Metrics) {
    this.events = metrics.counter('millrace_curated_events_total', 'Events by what became of them.', ['fate']);
    this.quarantined = metrics.counter('millrace_quarantined_events_total', 'Quarantined events by reason.', [
      'reason',
    ]);
    this.conflicting = metrics.counter(
      'millrace_conflicting_duplicates_total',
      'Duplicates whose content differs from what had landed.',
    );
    this.batchEvents = metrics.histogram(
      'millrace_landing_events',
      'Events of one landing.',
      [],
      [1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000],
    );
    this.ageSeconds = metrics.histogram(
      'millrace_accepted_to_landed_seconds',
      'From the newest accept time of a batch until it has landed.',
    );
    this.lateness = metrics.seriesHistogram(
      'millrace_event_lateness_seconds',
      'Ingest time less event time of landed events, by source; sources beyond the first are one.',
      ['source'],
      LATENESS_BOUNDS_SECONDS,
    );
    this.skew = metrics.seriesHistogram(
      'millrace_producer_clock_skew_seconds',
      'Producer time less ingest time of landed events, by source; sources beyond the first are one.',
      ['source'],
      SKEW_BOUNDS_SECONDS,
    );
    this.steps = metrics.histogram('millrace_landing_step_seconds', 'Time of a landing by step.', ['step']);
  }

  readonly observeStep: LandDeps['observe'] = (step, seconds) => this.steps.observe({ step }, seconds);

  landed({ outcomes, message, time }: Landed): void {
    for (const { sources } of time) for (const times of sources) this.clocks(times);
    const reasons = new Map<string, number>();
    const fates = { landed: 0, duplicate: 0, quarantined: 0, waiting: 0 };
    let conflicts = 0;
    for (const outcome of outcomes) {
      fates[outcome.fate]++;
      if (outcome.fate === 'quarantined')
        reasons.set(outcome.refusal.reason, (reasons.get(outcome.refusal.reason) ?? 0) + 1);
      if (outcome.fate === 'duplicate' && outcome.holder.contentDiffers) conflicts++;
    }
    for (const [fate, n] of Object.entries(fates)) if (n > 0) this.events.inc({ fate }, n);
    for (const [reason, n] of reasons) this.quarantined.inc({ reason }, n);
    if (conflicts > 0) this.conflicting.inc(conflicts);
    this.batchEvents.observe(outcomes.length);
    // What is replayed was accepted long ago.
    if (message.acceptedTo && message.topic !== REPLAY_LOG.topic)
      this.ageSeconds.observe(Math.max(0, Date.parse(message.landedAt) - Date.parse(message.acceptedTo)) / 1_000);
  }

  private clocks({ source, lateness, skew }: SourceTimes): void {
    if (this.sources.size < SOURCES_MAX) this.sources.add(source);
    const label = this.sources.has(source) ? source : 'other';
    this.lateness.series(label).add(lateness.counts, lateness.sumSeconds);
    if (skew.counts.some((n) => n > 0)) this.skew.series(label).add(skew.counts, skew.sumSeconds);
  }

  /** Values that are read at each scrape. */
  watch(read: {
    readonly inFlight: () => number;
    readonly positions: () => ReadonlyMap<string, number>;
    readonly contractsIndex: () => number;
    readonly contractsUnavailable: () => number;
    readonly messaging: Messaging;
    readonly topic: string;
  }): void {
    this.metrics.gauge('millrace_landings_in_flight', 'Deliveries read and not yet landed.', [], (gauge) =>
      gauge.set(read.inFlight()),
    );
    this.metrics.gauge('millrace_contracts_index', 'Index of the contracts in force in this worker.', [], (gauge) =>
      gauge.set(read.contractsIndex()),
    );
    this.metrics.gauge(
      'millrace_unavailable_contracts',
      'Contracts in force that cannot be used; events of their types are quarantined.',
      [],
      (gauge) => gauge.set(read.contractsUnavailable()),
    );
    this.metrics.gauge(
      'millrace_lag_events',
      'Events of the log that this worker has yet to land, by partition held.',
      ['partition'],
      async (gauge) => {
        const ends = await read.messaging.ends(read.topic).catch(() => new Map<string, number>());
        gauge.reset();
        for (const [partition, next] of read.positions())
          gauge.set({ partition }, Math.max(0, (ends.get(partition) ?? next) - next));
      },
    );
  }
}
