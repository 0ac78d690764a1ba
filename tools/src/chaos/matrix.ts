import { setTimeout as sleep } from 'node:timers/promises';
import { type FailpointService, PLACES } from '@millrace/observability/failpoints';
import type { Vacuity } from '../checker/vacuity';
import { roleOf } from './fault-plan';
import type { ChaosParts } from './run';

interface Place {
  readonly service: FailpointService;
  /** With the detail, where a place is one of many. */
  readonly name: string;
}

/** Places that are one of many: each of them. */
const DETAILS: Readonly<Record<string, readonly string[]>> = {
  committed: ['clean.events', 'clean.shipment_events', 'ops.fates'],
  built: ['mart.shipments_daily', 'mart.on_time_performance', 'mart.exceptions'],
};

/**
 * Places that the load of a run does not lead to, with the tests that end there: nobody replays anything under it, no
 * event fails without end, nobody is erased, nothing is old enough to be deleted, and a contract is inferred once a lake.
 */
export const ELSEWHERE: Readonly<Partial<Record<string, string>>> = {
  'curation-worker/replay-noted': 'apps/curation-worker/src/replay/runner.spec.ts',
  'curation-worker/replay-landed': 'apps/curation-worker/src/replay/runner.spec.ts',
  'curation-worker/retry-taken': 'apps/curation-worker/src/replay/runner.spec.ts',
  'curation-worker/erasure-drained': 'apps/curation-worker/src/erasure/erasure.int.spec.ts',
  'curation-worker/erasure-destroyed': 'apps/curation-worker/src/erasure/erasure.int.spec.ts',
  'curation-worker/erasure-searched': 'apps/curation-worker/src/erasure/erasure.int.spec.ts',
  'table-manager/erasure-searched': 'apps/table-manager/src/erasure/erasure.int.spec.ts',
  'table-manager/erasure-deleted': 'apps/table-manager/src/erasure/erasure.int.spec.ts',
  'table-manager/erasure-shown': 'apps/table-manager/src/erasure/erasure.int.spec.ts',
  'table-manager/erasure-swept': 'apps/table-manager/src/erasure/erasure.int.spec.ts',
  'table-manager/retention-planned': 'apps/table-manager/src/retention/retention.int.spec.ts',
  'table-manager/retention-removed': 'apps/table-manager/src/retention/retention.int.spec.ts',
  'table-manager/retention-shown': 'apps/table-manager/src/retention/retention.int.spec.ts',
  'table-manager/filled': 'apps/table-manager/src/inference/inference.int.spec.ts',
  'table-manager/fill-shown': 'apps/table-manager/src/inference/inference.int.spec.ts',
};

/** How long a place may take to be reached, ms, before what leads to it is done again. */
const REACHED_MS_MAX = 30_000;
const START_MS_MAX = 60_000;
const TRIES_MAX = 5;
const POLL_MS = 20;

export interface Matrix {
  readonly places: readonly string[];
  readonly vacuity: Vacuity;
  readonly env: Readonly<Record<string, string>>;
  readonly firstPlans: Readonly<Record<string, string>>;
  readonly strike: (parts: ChaosParts, say: (text: string) => void) => Promise<void>;
}

/**
 * A crash at every named place that the load leads to, one after the other, under load. A place not reached is a
 * finding.
 */
export function failpointMatrix(only: string): Matrix {
  const all = (Object.keys(PLACES) as FailpointService[]).flatMap((service) =>
    PLACES[service].flatMap((place): Place[] => {
      if (`${service}/${place}` in ELSEWHERE) return [];
      const details = DETAILS[place];
      return details ? details.map((detail) => ({ service, name: `${place}:${detail}` })) : [{ service, name: place }];
    }),
  );
  const wanted = all.filter(({ service, name }) => `${service}/${name}`.includes(only));
  const places = wanted.map(({ service, name }) => `${service}/${name}`);
  const first = wanted.filter(({ name }) => ONCE_A_LAKE.has(name));
  return {
    places,
    env: QUICK_TO_REFUSE,
    firstPlans: Object.fromEntries(first.map(({ service, name }) => [service, `${service}/${name}=crash`])),
    vacuity: {
      ...{ faultsMin: places.length, places, acknowledgedMin: 100, acknowledgedShareMin: 0.9, landedMin: 100 },
      // A few places are soon reached: what the load holds of these may not have come by then.
      ...(only === '' ? { duplicatesMin: 1, quarantinedMin: 1 } : { emptyMarts: true }),
    },
    async strike(parts, say) {
      // What the clock brings comes last, when its time has come.
      for (const place of wanted.toSorted(
        (a, b) => Number(a.name.startsWith('vacuum')) - Number(b.name.startsWith('vacuum')),
      )) {
        if (!(await reach(parts, place))) say(`${place.service}/${place.name} was not reached`);
        await parts.system.ready();
      }
    },
  };
}

/** Passed by the first process of a new lake alone. */
const ONCE_A_LAKE: ReadonlySet<string> = new Set(['contracts-indexed']);

/** So that a short outage is enough for a request to come to nothing. */
const QUICK_TO_REFUSE = { GATEWAY_APPEND_RETRY_MAX: '1s', TABLES_VACUUM_EVERY: '1m' };
const OUTAGE_MS = 4_000;

/** Plans the crash, restarts the service into it, and does what leads there. */
async function reach(parts: ChaosParts, { service, name }: Place): Promise<boolean> {
  const { system, injector, signal } = parts;
  const entry = `${service}/${name}`;
  const reached = (): boolean => system.failpoints.done().some((line) => line === `${entry} crash`);
  for (let tries = 0; tries < TRIES_MAX && !reached(); tries++) {
    signal.throwIfAborted();
    await restart(parts, service, `${entry}=crash`);
    // How long a start takes is the machine's; the time to get there begins with it done, or over.
    const startedBy = performance.now() + START_MS_MAX;
    while (performance.now() < startedBy && !reached() && !(await system.isReady())) await sleep(POLL_MS);
    await LEADS[entry]?.(parts, service, `${entry}=crash`);
    const deadline = performance.now() + (SLOW.has(name) ? 75_000 : REACHED_MS_MAX);
    while (!reached() && performance.now() < deadline) await sleep(POLL_MS);
    system.failpoints.disarm();
  }
  injector.noteFailpoints();
  return reached();
}

/** Vacuum looks at each table once a minute. */
const SLOW: ReadonlySet<string> = new Set(['vacuum-recorded', 'vacuumed']);

type Lead = (parts: ChaosParts, service: FailpointService, entry: string) => Promise<void>;

/** Under load most places are passed by themselves. */
const restart: Lead = async ({ system }, service, entry) => {
  system.failpoints.plan(service, entry);
  for (let waitedMs = 0; system.signal(service, 'SIGKILL') === null && waitedMs < REACHED_MS_MAX; waitedMs += POLL_MS)
    await sleep(POLL_MS);
};

const cutCommit: Lead = async ({ system, cutter }, service) => {
  await system.ready();
  await cutter.cutNext(roleOf(service), 'after', REACHED_MS_MAX);
};

/** Every append breaks off until requests are given up; the keys are within reach all the time. */
const cutAppends: Lead = async ({ system, cutter }, service) => {
  await system.ready();
  const deadline = performance.now() + OUTAGE_MS;
  while (performance.now() < deadline) await cutter.cutNext(roleOf(service), 'before', OUTAGE_MS);
};

/** A landing dies under way; whoever takes the partition next notes what it tries. */
const dieTwice: Lead = async ({ system }, service, entry) => {
  await system.ready();
  const deaths = system.failpoints.done().length;
  system.failpoints.plan(service, `${service}/before-commit=crash`);
  system.signal(service, 'SIGKILL');
  const deadline = performance.now() + REACHED_MS_MAX;
  while (system.failpoints.done().length === deaths && performance.now() < deadline) await sleep(POLL_MS);
  system.failpoints.plan(service, entry);
};

const LEADS: Readonly<Record<string, Lead>> = {
  'ingest-gateway/append-unknown': cutCommit,
  'ingest-gateway/key-abandoned': cutAppends,
  'curation-worker/commit-unknown': cutCommit,
  'curation-worker/trial-noted': dieTwice,
};
