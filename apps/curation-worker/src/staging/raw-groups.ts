import type { StoredAt } from '../pipeline/received';

/** Items of one event type and accept date, in order. */
export interface RawGroup {
  /** Null where the type cannot be read. */
  readonly eventType: string | null;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** Indices into the batch. Line n of the group is the n-th of them. */
  readonly items: number[];
  /** Raw part that holds them already, at lines of their own; null where one is to be written. */
  readonly stored: string | null;
}

/** Sorts the items of a batch by event type and accept date as they are read; their lines are known at once. */
export class RawGroups {
  readonly groups: RawGroup[] = [];
  /** Group of each item. */
  readonly groupOf: Uint32Array;
  /** Line of each item within its group, from 1. */
  readonly lineOf: Uint32Array;
  private readonly numbers = new Map<string | null, Map<string, number>>();
  private readonly storedNumbers = new Map<string, number>();
  private length = 0;
  private last = -1;

  constructor(itemsMax: number) {
    this.groupOf = new Uint32Array(itemsMax);
    this.lineOf = new Uint32Array(itemsMax);
  }

  /** Adds the next item; returns its group. */
  add(eventType: string | null, date: string, stored?: StoredAt): number {
    const number = stored ? this.storedNumber(eventType, date, stored.part) : this.numberOf(eventType, date);
    const item = this.length++;
    this.groupOf[item] = number;
    const line = this.groups[number].items.push(item);
    this.lineOf[item] = stored?.line ?? line;
    return number;
  }

  /** What is stored already is grouped by its part. */
  private storedNumber(eventType: string | null, date: string, stored: string): number {
    let number = this.storedNumbers.get(stored);
    if (number === undefined) {
      number = this.groups.push({ eventType, date, items: [], stored }) - 1;
      this.storedNumbers.set(stored, number);
    }
    return number;
  }

  private numberOf(eventType: string | null, date: string): number {
    const last = this.groups[this.last];
    if (last?.eventType === eventType && last.date === date && last.stored === null) return this.last;
    let dates = this.numbers.get(eventType);
    if (!dates) this.numbers.set(eventType, (dates = new Map()));
    let number = dates.get(date);
    if (number === undefined) {
      number = this.groups.push({ eventType, date, items: [], stored: null }) - 1;
      dates.set(date, number);
    }
    this.last = number;
    return number;
  }
}
