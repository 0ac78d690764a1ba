import type { CheckedTask } from '../check-task';

/** One attempt at a stored task. */
export interface Delivery extends Pick<CheckedTask, 'queue' | 'url' | 'body' | 'headers' | 'timeoutMs'> {
  /** The task's name, or what the engine calls it. */
  readonly name: string;
  /** 1, 2, … */
  readonly attempt: number;
}

/** What came of an attempt; `status` 0 when no answer came. */
export interface DeliveryResult {
  readonly ok: boolean;
  readonly status: number;
  readonly detail: string;
}

/** Makes one attempt. Resolves whatever happens, except when `signal` aborts: then the attempt was cut off and it rejects. */
export type Deliver = (delivery: Delivery, signal: AbortSignal) => Promise<DeliveryResult>;

/** Told after each attempt, for logs and metrics. */
export interface Delivered {
  readonly queue: string;
  readonly name: string;
  readonly attempt: number;
  /** `failed`: it was the last one. */
  readonly outcome: 'delivered' | 'retry' | 'failed';
  readonly status: number;
  readonly detail: string;
  readonly durationMs: number;
}
