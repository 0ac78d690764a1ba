import { deliveryWork, traceWork } from '../trace-work';
import type { Delivery, Messaging, SubscribeOptions, Subscription } from '../port';

export interface ConsumeLoopOptions {
  readonly messaging: Messaging;
  readonly subscribe: SubscribeOptions;
  /** Applies one delivery. It must be idempotent: a delivery that it rejected, or whose ack was lost, comes again. */
  readonly handle: (delivery: Delivery) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly sleep: (ms: number) => Promise<void>;
  /** Wait before a failed delivery, or a failed subscription, is tried again: doubles from min to max, ms. */
  readonly backoffMs?: { readonly min: number; readonly max: number };
}

/**
 * Reads a subscription, one delivery after another, until stopped: handled, then acknowledged. A failure hands the
 * delivery back and waits; nothing is passed over.
 */
export class ConsumeLoop {
  private subscription: Subscription | null = null;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;
  /** False while the last attempt failed. */
  healthy = true;

  constructor(private readonly options: ConsumeLoopOptions) {}

  async start(): Promise<void> {
    this.subscription = await this.options.messaging.subscribe(this.options.subscribe);
    this.stopped = false;
    this.running = this.run();
  }

  /** Finishes the delivery under way, then gives up the partitions. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.subscription?.close();
    await this.running;
  }

  private traced(delivery: Delivery): Promise<void> {
    const { subscribe, handle } = this.options;
    return traceWork(
      () => deliveryWork(delivery, subscribe.group),
      () => handle(delivery),
    );
  }

  private async run(): Promise<void> {
    const { min, max } = this.options.backoffMs ?? { min: 100, max: 10_000 };
    let waitMs = min;
    while (!this.stopped) {
      let delivery: Delivery | null = null;
      try {
        delivery = (await this.subscription?.next()) ?? null;
        if (!delivery) return;
        await this.traced(delivery);
        await delivery.ack();
        this.healthy = true;
        waitMs = min;
      } catch (error) {
        this.healthy = false;
        this.options.onError(error);
        await delivery?.nack().catch(this.options.onError);
        await Promise.race([this.options.sleep(waitMs), new Promise<void>((resolve) => (this.wake = resolve))]);
        waitMs = Math.min(waitMs * 2, max);
      }
    }
  }
}

/** The JSON values of a delivery's records. Throws on a record that is not JSON: our own topics hold nothing else. */
export function jsonRecords<T>(delivery: Delivery): T[] {
  return delivery.batches.flatMap((batch) =>
    batch.records.map((record) => JSON.parse(record.value.toString('utf8')) as T),
  );
}
