import type { Position } from '../landing/port';

/**
 * From this many attempts on, counted as takeovers without progress, a single event is not tried again. A process that
 * is killed while it tries one looks like one that the event has ended: at three, machines under fire condemned good
 * events.
 */
const ALONE_FROM_ATTEMPTS = 6;

export interface Slice {
  /** Events to take from the position on. */
  readonly events: number;
  /** The trial is to be noted durably before it begins, so that its failure narrows the search. */
  readonly note: boolean;
  /** A single event that has failed alone: it is to be put aside. */
  readonly alone: boolean;
}

/**
 * How much of a delivery to try when earlier attempts at this position have failed. The first retry is noted; once a
 * noted batch fails too, what makes it fail is found by halving, over as many crashes as that takes, and its neighbours
 * land on the way. An event is suspected alone only after it has failed alone.
 *
 * @param events that the delivery holds from the position on, at least one
 */
export function nextSlice({ next, attempts, suspectTo }: Position, events: number): Slice {
  if (suspectTo === null || suspectTo <= next) return { events, note: attempts > 0, alone: false };
  const suspects = suspectTo - next;
  const alone = suspects === 1 && attempts >= ALONE_FROM_ATTEMPTS;
  return { events: Math.min(events, Math.max(1, Math.floor(suspects / 2))), note: !alone, alone };
}
