import { type FailpointService, PLACES } from '@millrace/observability/failpoints';
import type { Cut } from './commit-cutter';
import { between, pick, shuffled, type Uniform } from './random';

/** Processes that may be killed. `postgres` is the postmaster, `keeper` the process that looks after it. */
export const TARGETS = [
  'ingest-gateway',
  'curation-worker',
  'curation-worker-2',
  'table-manager',
  'analytics-api',
  'front-door',
  'postgres',
  'keeper',
  'supervisor',
] as const;

export type Target = (typeof TARGETS)[number];

export type PlannedFault =
  | { readonly kind: 'kill'; readonly target: Target }
  /** Killed, and its next process dies at a named place. */
  | { readonly kind: 'failpoint'; readonly target: Target; readonly service: FailpointService; readonly entry: string }
  | { readonly kind: 'stall'; readonly target: Target; readonly ms: number }
  | { readonly kind: 'cut'; readonly service: FailpointService; readonly cut: Cut };

/** How often each comes in a round. Services are killed more often than what carries all of them. */
const ROUND: readonly Target[] = [
  ...(['ingest-gateway', 'ingest-gateway', 'curation-worker', 'curation-worker', 'curation-worker-2'] as const),
  ...(['table-manager', 'table-manager', 'analytics-api', 'front-door', 'postgres', 'postgres', 'keeper'] as const),
  'supervisor',
];

/** Shares of faults, 0 to 1; the rest are plain kills. */
const FAILPOINT_SHARE = 0.3;
const STALL_SHARE = 0.08;
const CUT_SHARE = 0.12;

/** Longer than a lease, and than what takes a worker for dead. */
const STALL_MS = [3_500, 7_000] as const;
const PASS_MAX = 4;

const STALLED: readonly Target[] = ['ingest-gateway', 'curation-worker', 'curation-worker-2', 'table-manager'];
const CUT: readonly FailpointService[] = ['ingest-gateway', 'curation-worker', 'table-manager', 'analytics-api'];

/** Places that only come after a fault of another kind, by the clock, or elsewhere: the matrix reaches them, or says who does. */
const RARE: ReadonlySet<string> = new Set([
  ...['append-unknown', 'key-abandoned', 'commit-unknown', 'trial-noted', 'declared-dead', 'orphans-deleted'],
  ...['staged-deleted', 'contract-written', 'contracts-indexed', 'vacuum-recorded', 'vacuumed'],
  ...['replay-noted', 'replay-landed', 'retry-taken', 'filled', 'fill-shown'],
  ...['erasure-drained', 'erasure-destroyed', 'erasure-searched', 'erasure-deleted', 'erasure-shown', 'erasure-swept'],
  ...['retention-planned', 'retention-removed', 'retention-shown'],
]);

/** Faults without end, every target in each round, in an order of the seed's. */
export function* faultPlan(random: Uniform): Generator<PlannedFault> {
  for (let round: Target[] = []; ;) {
    const draw = random();
    if (draw < STALL_SHARE) {
      yield { kind: 'stall', target: pick(random, STALLED), ms: between(random, ...STALL_MS) };
    } else if (draw < STALL_SHARE + CUT_SHARE) {
      yield { kind: 'cut', service: pick(random, CUT), cut: random() < 0.5 ? 'before' : 'after' };
    } else {
      if (round.length === 0) round = shuffled(random, ROUND);
      const target = round.shift() as Target;
      const service = serviceOf(target);
      if (service === null || random() >= FAILPOINT_SHARE / (1 - STALL_SHARE - CUT_SHARE))
        yield { kind: 'kill', target };
      else {
        const place = pick(
          random,
          PLACES[service].filter((name) => !RARE.has(name)),
        );
        const entry = `${service}/${place}=crash@${1 + Math.floor(random() * PASS_MAX)}`;
        yield { kind: 'failpoint', target, service, entry };
      }
    }
  }
}

export function serviceOf(target: Target): FailpointService | null {
  const name = target === 'curation-worker-2' ? 'curation-worker' : target;
  return name in PLACES ? (name as FailpointService) : null;
}

/** The database role of a service. */
export const roleOf = (service: FailpointService): string => `millrace_${service.replaceAll('-', '_')}`;
