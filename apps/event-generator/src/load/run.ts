import { LOAD_REQUESTS_MAX, LOAD_WAITING_EVENTS_MAX } from '../limits';
import type { Publisher } from '../targets/publisher';
import type { Ledger } from './ledger';
import { LoadPlan, type LoadSpec, type PlannedItem, requestsOf } from './plan';

export interface LoadDeps {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly monotonicMs: () => number;
}

/** How often what is due is looked for, ms. */
const TICK_MS = 5;
/** Making events for longer than this without a pause would hold up the answers of those on their way, ms. */
const TURN_MS_MAX = 10;

interface Request {
  readonly number: number;
  readonly items: readonly PlannedItem[];
  readonly dueMs: number;
}

/**
 * Sends a load at its rate, whatever the target does (open loop): a slow target does not slow the load down, its requests
 * come to wait for each other, and their latency counts from when they were due. What finds no room to wait in is not
 * sent, and counted. Resolves when the last request is settled; never rejects. Once `signal` is aborted nothing more is
 * sent.
 */
export async function runLoad(spec: LoadSpec, ledger: Ledger, deps: LoadDeps, signal: AbortSignal): Promise<void> {
  const { publisher, wait, monotonicMs } = deps;
  const plan = new LoadPlan(spec);
  const waiting: Request[] = [];
  let waitingItems = 0;
  const underWay = new Set<Promise<void>>();
  const began = monotonicMs();
  const dueMs = (number: number): number => began + (number * spec.eventsPerRequest * 1_000) / spec.ratePerSecond;

  const send = async ({ number, items, dueMs: due }: Request): Promise<void> => {
    const sent = await publisher.publish(items, { signal });
    ledger.settle(number, items, sent, monotonicMs() - due);
  };
  const start = (request: Request): void => {
    const sending = send(request).finally(() => {
      underWay.delete(sending);
      const next = waiting.shift();
      if (!next) return;
      waitingItems -= next.items.length;
      if (signal.aborted) ledger.drop(next.items.length);
      else start(next);
    });
    underWay.add(sending);
  };
  const offer = (request: Request): void => {
    const { length } = request.items;
    ledger.offer(length);
    if (underWay.size < LOAD_REQUESTS_MAX) start(request);
    else if (waitingItems + length <= LOAD_WAITING_EVENTS_MAX) {
      waiting.push(request);
      waitingItems += length;
    } else ledger.drop(length);
  };

  const count = requestsOf(spec);
  for (let number = 0; number < count && !signal.aborted;) {
    const turn = monotonicMs();
    while (number < count && dueMs(number) <= monotonicMs() && monotonicMs() - turn < TURN_MS_MAX) {
      offer({ number, items: plan.nextRequest(), dueMs: dueMs(number) });
      number++;
    }
    if (number === count) break;
    const idleMs = dueMs(number) - monotonicMs();
    await wait(idleMs <= 0 ? 0 : Math.min(idleMs, Math.max(TICK_MS, idleMs / 2)), signal).catch(() => undefined);
  }
  if (signal.aborted) for (const { items } of waiting.splice(0)) ledger.drop(items.length);
  while (underWay.size > 0) await Promise.all(underWay);
}
