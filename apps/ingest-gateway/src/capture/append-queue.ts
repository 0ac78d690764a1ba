import type { Headers } from '@millrace/messaging';
import { ITEM_OVERHEAD_BYTES } from './limits';

/** One item as it is appended: its exact bytes and what the gateway knows beside them. */
export interface CapturedItem {
  readonly headers: Headers;
  readonly value: Buffer;
}

/** The items of one request, waiting to be appended. */
export interface Waiting {
  readonly items: readonly CapturedItem[];
  readonly bytes: number;
  /** Monotonic. */
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Memory that items hold while they wait, about. */
export function weightOf({ items, bytes }: Pick<Waiting, 'items' | 'bytes'>): number {
  return bytes + items.length * ITEM_OVERHEAD_BYTES;
}

/** Requests in order of arrival, taken in groups. */
export class AppendQueue {
  private waiting: Waiting[] = [];
  /** Sums over what waits. */
  items = 0;
  bytes = 0;

  get requests(): number {
    return this.waiting.length;
  }

  /** The one that waits longest. */
  get first(): Waiting | undefined {
    return this.waiting[0];
  }

  push(request: Waiting): void {
    this.waiting.push(request);
    this.items += request.items.length;
    this.bytes += request.bytes;
  }

  /** The longest prefix within the limits; at least one request. */
  takeGroup(itemsMax: number, bytesMax: number): Waiting[] {
    let items = 0;
    let bytes = 0;
    return this.takeWhile((request, taken) => {
      items += request.items.length;
      bytes += request.bytes;
      return taken === 0 || (items <= itemsMax && bytes <= bytesMax);
    });
  }

  /** Those that came before `ms`. */
  takeOlder(ms: number): Waiting[] {
    return this.takeWhile(({ sinceMs }) => sinceMs < ms);
  }

  private takeWhile(fits: (request: Waiting, taken: number) => boolean): Waiting[] {
    let taken = 0;
    while (taken < this.waiting.length && fits(this.waiting[taken], taken)) {
      this.items -= this.waiting[taken].items.length;
      this.bytes -= this.waiting[taken].bytes;
      taken++;
    }
    return taken === this.waiting.length ? this.waiting.splice(0) : this.waiting.splice(0, taken);
  }
}
