import type { Failpoint } from '@millrace/observability/failpoints';
import type { Logger } from '@millrace/observability';
import { type Delivery, type MessageWork, traceWork } from '@millrace/messaging';
import { failureOf, loggable } from '../landing/failure';
import type { Landed } from '../landing/land-batch';
import type { Lander, LandOutcome, Prepared } from '../landing/lander';
import type { LandingStore, PartitionId, Position } from '../landing/port';
import { assertCounts, CountMismatch } from '../pipeline/counts';
import { type MicroBatch, receive } from '../pipeline/received';
import { linkSignals } from './linked-signal';
import type { Semaphore } from './semaphore';
import { nextSlice } from './slicing';
import type { Timers } from './timers';

export interface PartitionDeps {
  readonly store: LandingStore;
  readonly lander: Pick<Lander, 'prepare' | 'land'>;
  /** Landings under way at once, over all partitions. */
  readonly lanes: Semaphore;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly onLanded: (landed: Landed) => void;
  /** A failure that is no landing's own: the session cannot go on. */
  readonly onFatal: (error: unknown) => void;
  readonly sessionSignal: AbortSignal;
  /** How long an event that is put aside waits for its next try, ms. */
  readonly retryInMs: () => number;
}

/** A delivery whose partition another worker has taken comes back after this long, should it still be ours. */
const NOT_OWNER_RETRY_MS = 5_000;
const FAILED_RETRY_MS = 250;
/** When not even a quarantine lands, the wait doubles up to this. */
const FAILED_RETRY_MS_MAX = 15_000;

/**
 * One partition in the hands of this worker. Deliveries land one after the other, in order; while one lands the next is
 * already read and checked. After a failure nothing is read ahead: what is tried next is noted first (see slicing).
 */
export class OwnedPartition {
  private tail: Promise<void> = Promise.resolve();
  /** Deliveries of before the last failure are dropped: they come again. */
  private generation = 0;
  /** The position at which this process has lived through a failure, and that. */
  private survived: { readonly at: number; readonly error: Error } | null = null;
  /** Events in a row that could not be put aside either. */
  private hopeless = 0;
  /** Events of a landing, at most: halved when contracts outrun one, doubled when one lands. */
  private eventsMax = Infinity;
  /** Neither landed nor handed back, because the partition has stopped. */
  private readonly held: Delivery[] = [];
  /** Why nothing of this partition is landed any more. */
  stopped: string | null = null;

  constructor(
    readonly id: PartitionId,
    readonly epoch: number,
    private position: Position,
    private readonly deps: PartitionDeps,
  ) {}

  get next(): number {
    return this.position.next;
  }

  /** Resolves once the delivery is landed and acknowledged, handed back, or dropped. Never rejects. */
  handle(delivery: Delivery): Promise<void> {
    const { generation } = this;
    const ahead = this.readAhead(delivery);
    const done = this.tail
      .then(() => this.settle(delivery, generation, ahead))
      // Of a session that has ended nothing more is acknowledged: whoever comes next need not wait for it.
      .then(() => (this.deps.sessionSignal.aborted ? delivery.nack().catch(() => undefined) : undefined));
    this.tail = done;
    return done;
  }

  /** Hands back what a stopped partition holds, so that a session that ends need not wait for it. */
  async handBack(): Promise<void> {
    for (const delivery of this.held.splice(0)) await delivery.nack().catch(() => undefined);
  }

  /** Nothing of the partition lands any more; somebody has to look. */
  private stop(delivery: Delivery, why: string): void {
    this.stopped = why;
    this.held.push(delivery);
    this.deps.logger.error({ ...this.id, position: this.position.next, cause: why }, 'the partition stops');
  }

  private readAhead(delivery: Delivery): Promise<Prepared> | null {
    if (this.position.attempts > 0 || this.position.suspectTo !== null || this.stopped !== null) return null;
    const { topic, partition } = this.id;
    const batch = receive(topic, partition, delivery.range, delivery.batches);
    const { signal, dispose } = linkSignals(delivery.signal, this.deps.sessionSignal);
    const prepared = this.deps.lander.prepare(batch, { signal }).finally(dispose);
    prepared.catch(() => undefined);
    return prepared;
  }

  private async settle(delivery: Delivery, generation: number, ahead: Promise<Prepared> | null): Promise<void> {
    const current = (): boolean =>
      generation === this.generation && !delivery.signal.aborted && !this.deps.sessionSignal.aborted;
    if (!current()) return;
    if (this.stopped !== null) return void this.held.push(delivery);
    try {
      // Before anything is noted: a miscounted batch must not be cut into parts, which nobody could check.
      const { topic, partition } = this.id;
      if (!ahead) assertCounts(receive(topic, partition, delivery.range, delivery.batches));
      const outcome = delivery.range
        ? await this.landRange(delivery, delivery.range, ahead)
        : await this.landSlice(delivery, ahead);
      if (outcome.kind === 'landed' || outcome.kind === 'dropped') await this.acknowledge(delivery);
      else await this.retreat(delivery, outcome.kind === 'not_owner' ? 'not_owner' : 'gap');
    } catch (error) {
      if (!current()) return;
      if ((error as { code?: string }).code === 'LANDING_FENCED') return this.deps.onFatal(error);
      if (error instanceof CountMismatch) return this.stop(delivery, error.message);
      this.deps.logger.error(
        { ...this.id, position: this.position.next, error: loggable(error) },
        'a batch failed and is tried again',
      );
      this.survived = { at: this.position.next, error: error as Error };
      await this.retreat(delivery, 'failed');
    }
  }

  /**
   * It has landed, whatever becomes of its acknowledgement, which a later one covers. To hand it back would be no use:
   * once acknowledged it does not come again, and what was read after it would be dropped in vain.
   */
  private async acknowledge(delivery: Delivery): Promise<void> {
    try {
      await delivery.ack();
      await this.deps.failpoint('after-ack');
    } catch (error) {
      this.deps.logger.warn({ ...this.id, position: this.position.next, error }, 'a landed batch is not acknowledged');
    }
  }

  /** Lands what of the delivery lies beyond the position, in slices where earlier attempts have failed. */
  private async landRange(
    delivery: Delivery,
    range: { from: number; to: number },
    ahead: Promise<Prepared> | null,
  ): Promise<LandOutcome> {
    if (range.from > this.position.next) return { kind: 'gap' };
    let outcome: LandOutcome = { kind: 'dropped' };
    while (this.position.next < range.to) {
      const from = this.position.next;
      const slice = nextSlice(this.position, Math.min(range.to - from, this.eventsMax));
      const to = from + slice.events;
      if (slice.note && !(await this.deps.store.note(this.id, this.epoch, from, slice.events)))
        return { kind: 'not_owner' };
      if (slice.note) await this.deps.failpoint('trial-noted');
      const whole = from === range.from && to === range.to;
      outcome = slice.alone
        ? await this.putAside(delivery, { from, to })
        : await this.landSlice(delivery, whole ? ahead : null, { from, to });
      if (outcome.kind === 'outrun') {
        this.eventsMax = Math.ceil(slice.events / 2);
        continue;
      }
      if (outcome.kind !== 'landed' && outcome.kind !== 'dropped') return outcome;
      this.hopeless = 0;
      this.eventsMax *= 2;
      const { suspectTo } = this.position;
      this.position = { next: to, attempts: 0, suspectTo: suspectTo !== null && suspectTo > to ? suspectTo : null };
    }
    return outcome;
  }

  /**
   * Puts a single event aside, to be tried again after a while, as pending. Where its last failure left this process
   * alive it may have been of anything, a disk or a mistake of ours: then it is tried once more right before, so that
   * what everything fails of sets nothing aside once it is over. A failure that ended the process is not repeated.
   */
  private async putAside(delivery: Delivery, range: { from: number; to: number }): Promise<LandOutcome> {
    const { sessionSignal, logger, retryInMs } = this.deps;
    let survived = this.survived?.at === range.from ? this.survived.error : null;
    if (survived) {
      try {
        return await this.landSlice(delivery, null, range);
      } catch (error) {
        const fenced = (error as { code?: string }).code === 'LANDING_FENCED';
        if (fenced || delivery.signal.aborted || sessionSignal.aborted) throw error;
        survived = error as Error;
      }
    }
    logger.error(
      { ...this.id, position: range.from, attempt: this.position.attempts },
      'an event that no landing survives is put aside, to be tried again later',
    );
    this.hopeless++;
    const error = survived ? failureOf(survived) : 'the process ended while it had the event';
    return this.landSlice(delivery, null, range, {
      how: survived ? 'named' : 'unread',
      what: { error, retryInMs: retryInMs() },
    });
  }

  private async landSlice(
    delivery: Delivery,
    ahead: Promise<Prepared> | null,
    range = delivery.range,
    aside?: { readonly how: 'named' | 'unread'; readonly what: { readonly error: string; readonly retryInMs: number } },
  ): Promise<LandOutcome> {
    const { lander, lanes, sessionSignal, onLanded } = this.deps;
    const { topic, partition } = this.id;
    const { signal, dispose } = linkSignals(delivery.signal, sessionSignal);
    const land = async (): Promise<LandOutcome> => {
      const items = (): MicroBatch => receive(topic, partition, range, delivery.batches);
      const prepared = await (ahead ?? lander.prepare(items(), { putAside: aside?.how, signal }));
      if (prepared.batch.items.length === 0) return { kind: 'dropped' };
      const attempts = this.position.attempts + 1;
      return lanes.use(() =>
        traceWork(
          () => landing(prepared.batch),
          () => lander.land(prepared, { epoch: this.epoch, attempts, signal, putAside: aside?.what }),
        ),
      );
    };
    const outcome = await land().finally(dispose);
    if (outcome.kind === 'landed') {
      await this.deps.failpoint('after-commit');
      onLanded(outcome);
    }
    return outcome;
  }

  /** Hands a delivery back, after finding out where the partition stands now. */
  private async retreat(delivery: Delivery, why: 'failed' | 'not_owner' | 'gap'): Promise<void> {
    this.generation++;
    try {
      if (delivery.range) {
        if (why === 'not_owner') await this.waitOut(delivery);
        this.position = await this.deps.store.take(this.id, this.epoch, this.position.next);
        if (why === 'gap' && delivery.range.from > this.position.next) {
          const landed = this.position.next;
          this.stop(
            delivery,
            `the log continues at ${delivery.range.from}, but only what is below ${landed} has landed`,
          );
          return;
        }
      }
      // What was handed out while the position was asked for is rewound by this nack, and is of before it.
      this.generation++;
      await delivery.nack(Math.min(FAILED_RETRY_MS_MAX, FAILED_RETRY_MS * 2 ** this.hopeless));
    } catch (error) {
      if (delivery.signal.aborted || this.deps.sessionSignal.aborted) return;
      this.deps.logger.warn({ ...this.id, error }, 'a partition could not be taken again');
      this.generation++;
      await delivery.nack(NOT_OWNER_RETRY_MS).catch(() => undefined);
    }
  }

  /** Another worker owns the position. If the lease is still ours after a while, it was the other that was wrong. */
  private async waitOut(delivery: Delivery): Promise<void> {
    const { signal, dispose } = linkSignals(delivery.signal, this.deps.sessionSignal);
    await this.deps.timers.sleep(NOT_OWNER_RETRY_MS, signal).finally(dispose);
  }
}

/** A landing, as work that its items' requests caused. */
const landing = ({ topic, partition, items }: MicroBatch): MessageWork => ({
  operation: 'land',
  topic,
  causes: causesOf(items),
  attributes: { 'messaging.destination.partition.id': partition, 'messaging.batch.message_count': items.length },
});

function* causesOf(items: MicroBatch['items']): Generator<string | undefined> {
  for (const { origin } of items) yield origin.headers.traceparent;
}
