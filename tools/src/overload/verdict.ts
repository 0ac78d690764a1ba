import type { Totals } from '../demo/client';
import { acceptedPerSecond } from './generate';
import type { LoadOutcome } from './generator.child';

/** One thing that is promised, and whether it was kept. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
}

const GOODPUT_MIN = 0.9;
const P99_FACTOR_MAX = 2;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** What is promised of overload: accepted requests are neither fewer nor late, and the others are told when to come again. */
export function judgeOverload(capacity: number, baseline: LoadOutcome, overload: LoadOutcome): Finding[] {
  const goodput = acceptedPerSecond(overload) / capacity;
  const factor = overload.acceptedMs.p99 / baseline.acceptedMs.p99;
  return [
    { what: `goodput ${percent(goodput)} of capacity, at least ${percent(GOODPUT_MIN)}`, ok: goodput >= GOODPUT_MIN },
    {
      what: `p99 of accepted requests ${overload.acceptedMs.p99.toFixed(0)} ms, ${factor.toFixed(1)} times the baseline's ${baseline.acceptedMs.p99.toFixed(0)} ms, at most ${P99_FACTOR_MAX}`,
      ok: factor <= P99_FACTOR_MAX,
    },
    ...judgeRefusals(overload),
  ];
}

/** What is promised of refusals, whatever their reason. */
export function judgeRefusals({ refused, withoutRetryAfter, lost, closed, unanswered }: LoadOutcome): Finding[] {
  const others = Object.keys(refused).filter((status) => status !== '429' && status !== '503');
  const count = Object.values(refused).reduce((sum, each) => sum + each, 0);
  return [
    {
      what: `${count} refused, all with 429 or 503 and Retry-After${others.length > 0 ? `, but for ${others.join(', ')}` : ''}`,
      ok: others.length === 0 && withoutRetryAfter === 0,
    },
    {
      what: `${lost + unanswered} requests without an answer, ${closed} connections closed`,
      ok: lost + unanswered === 0,
    },
  ];
}

/** What is promised of what was accepted: `items` of it, `unknown` of requests whose outcome nobody told. */
export function judgeConservation(totals: Totals, items: number, unknown: number): Finding[] {
  const { received, landed, duplicate, quarantined, pending } = totals;
  return [
    {
      what: `${items} accepted, received ${received} = landed ${landed} + duplicate ${duplicate} + quarantined ${quarantined} + pending ${pending}`,
      ok:
        received >= items &&
        received <= items + unknown &&
        pending === 0 &&
        received === landed + duplicate + quarantined &&
        duplicate === 0 &&
        quarantined === 0,
    },
  ];
}
