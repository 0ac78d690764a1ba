import type { Published } from '../targets/publisher';
import { Bits } from './bits';
import { Latencies } from './latencies';
import { itemsOf, type Kind, KINDS, type LoadSpec, type PlannedItem, requestsOf } from './plan';

/** What Millrace has to make of what was acknowledged, provided that none of these events was sent before. */
export interface Expected {
  readonly received: number;
  readonly landed: number;
  readonly duplicate: number;
  readonly quarantined: number;
  /**
   * True where these are the numbers. Else some items were never acknowledged and may be stored all the same
   * (`unknownItems`), or are acknowledged and may be stored twice (`maybeTwiceItems`): they come on top, as received and,
   * where the event is acknowledged otherwise, as duplicate.
   */
  readonly exact: boolean;
  readonly unknownItems: number;
  readonly maybeTwiceItems: number;
}

export interface LedgerReport {
  /** Items that were due until now. */
  readonly offered: number;
  /** Of those: sent and acknowledged, certainly not stored, never acknowledged and perhaps stored, not sent for want of room. */
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly notSent: number;
  /** Waiting to be sent, or on their way. */
  readonly underWay: number;
  /** Of the acknowledged items, by kind; duplicates by likeness, corrupt ones by damage. */
  readonly byKind: Readonly<Record<Kind, number>>;
  readonly duplicates: Readonly<Record<string, number>>;
  readonly corrupt: Readonly<Record<string, number>>;
  /** Different events among the acknowledged items that are not corrupt. */
  readonly distinctEvents: number;
  /** Items that the target named as no events when it took them; null where it looks at none. */
  readonly quarantinedAtOnce: number | null;
  readonly expected: Expected;
  readonly requests: { readonly sent: number; readonly acknowledged: number; readonly retries: number };
  /** Of acknowledged requests, from when they were due until the answer, repetitions and waiting included. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null; readonly max: number | null };
  readonly lastProblem: string | null;
}

/** Keeps the books of a load: what was offered, what became of it, and what has to come of it. */
export class Ledger {
  private readonly landed: Bits;
  private readonly acknowledgedRequests: Bits;
  private readonly unknownRequests: Bits;
  private readonly latencies = new Latencies();
  private readonly counts = { offered: 0, acknowledged: 0, refused: 0, unknown: 0, notSent: 0, maybeTwice: 0 };
  private readonly requests = { sent: 0, acknowledged: 0, retries: 0 };
  private readonly byKind = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  private readonly duplicates: Record<string, number> = {};
  private readonly corrupt: Record<string, number> = {};
  private distinct = 0;
  private quarantinedAtOnce: number | null = null;
  private lastProblem: string | null = null;

  constructor(spec: LoadSpec) {
    this.landed = new Bits(itemsOf(spec));
    this.acknowledgedRequests = new Bits(requestsOf(spec));
    this.unknownRequests = new Bits(requestsOf(spec));
  }

  offer(items: number): void {
    this.counts.offered += items;
  }

  drop(items: number): void {
    this.counts.notSent += items;
  }

  /** What became of a request. */
  settle(request: number, items: readonly PlannedItem[], sent: Published, latencyMs: number): void {
    this.requests.sent++;
    this.requests.retries += sent.attempts - 1;
    this.counts[sent.outcome] += items.length;
    if (sent.reason !== null) this.lastProblem = sent.reason;
    if (sent.outcome === 'unknown') this.unknownRequests.set(request);
    if (sent.outcome !== 'acknowledged') return;
    this.requests.acknowledged++;
    this.acknowledgedRequests.set(request);
    this.latencies.add(latencyMs);
    if (sent.maybeTwice) this.counts.maybeTwice += items.length;
    if (sent.quarantined !== null) this.quarantinedAtOnce = (this.quarantinedAtOnce ?? 0) + sent.quarantined;
    for (const { kind, how, event } of items) {
      this.byKind[kind]++;
      if (kind === 'duplicate') this.duplicates[how as string] = (this.duplicates[how as string] ?? 0) + 1;
      if (kind === 'corrupt') this.corrupt[how as string] = (this.corrupt[how as string] ?? 0) + 1;
      // Whichever copy of an event comes first lands: not always the one that was planned as the original.
      else if (this.landed.set(event)) this.distinct++;
    }
  }

  outcomeOf(request: number): 'acknowledged' | 'unknown' | null {
    if (this.acknowledgedRequests.has(request)) return 'acknowledged';
    return this.unknownRequests.has(request) ? 'unknown' : null;
  }

  report(): LedgerReport {
    const { maybeTwice, ...counts } = this.counts;
    const { offered, acknowledged, refused, unknown, notSent } = counts;
    return {
      ...counts,
      underWay: offered - acknowledged - refused - unknown - notSent,
      byKind: { ...this.byKind },
      duplicates: { ...this.duplicates },
      corrupt: { ...this.corrupt },
      distinctEvents: this.distinct,
      quarantinedAtOnce: this.quarantinedAtOnce,
      expected: {
        received: acknowledged,
        landed: this.distinct,
        duplicate: acknowledged - this.byKind.corrupt - this.distinct,
        quarantined: this.byKind.corrupt,
        exact: unknown === 0 && maybeTwice === 0,
        unknownItems: unknown,
        maybeTwiceItems: maybeTwice,
      },
      requests: { ...this.requests },
      latencyMs: { p50: this.latencies.quantile(0.5), p99: this.latencies.quantile(0.99), max: this.latencies.max },
      lastProblem: this.lastProblem,
    };
  }
}
