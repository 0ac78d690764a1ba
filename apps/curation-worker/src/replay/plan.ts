import type { ContractsKeeper, InForce } from '../contracts/keeper';
import type { Protections } from '../privacy/protection';
import { UNREADABLE } from './failures';
import type { LandDeps } from '../landing/land-batch';
import type { LandingStore } from '../landing/port';
import { MARTS } from '@millrace/marts';
import { curate, type Curated, type Valid } from '../pipeline/curate';
import { dedupe, type Held, settle } from '../pipeline/dedupe';
import { causeOf } from '../quarantine/rows';
import { bisect } from '../staging/bisect';
import { eventRows } from '../staging/event-rows';
import { placeRaw } from '../staging/raw-parts';
import type { Stager, ValueQuestion } from '../staging/stager';
import type { UnknownTypes } from '../pipeline/validate';
import { estimate, type Estimate } from './estimate';
import type { RecipeRef, ReplayStore, Selection, StoredItem } from './port';
import type { Mend } from './runner';
import { REPLAY_LOG, storedBatch } from './stored-batch';

export interface PlanDeps {
  readonly replays: Pick<ReplayStore, 'sample' | 'load'>;
  readonly store: Pick<LandingStore, 'held'>;
  readonly keeper: Pick<ContractsKeeper, 'current'>;
  readonly landedBefore: LandDeps['landedBefore'];
  readonly stager: Stager;
  readonly mend: Mend;
  readonly unknownTypes?: UnknownTypes;
  readonly protections: Pick<Protections, 'under'>;
}

/** Why some would still be refused. */
export interface PlannedFailure {
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly eventType: string | null;
  count: number;
  /** Ids of the first few. */
  readonly samples: string[];
}

export interface Plan {
  /** Under which contracts it was tried. */
  readonly contractsIndex: number;
  /** Open items of the selection. */
  readonly selected: number;
  /** Of these were looked at: all, or a random sample of them. */
  readonly examined: number;
  readonly sampled: boolean;
  /** Of those looked at. */
  readonly wouldPass: number;
  readonly duplicates: number;
  readonly wouldFail: number;
  readonly failures: readonly PlannedFailure[];
  /** Partitions that would be rebuilt, by mart; of those looked at. */
  readonly martPartitions: Readonly<Record<string, readonly string[]>>;
  /** For the whole selection, where only a sample was looked at. */
  readonly estimates?: Readonly<Record<'wouldPass' | 'duplicates' | 'wouldFail', Estimate>>;
}

/** Items that a plan looks at, at most; beyond it a random sample of so many is. A recipe may take seconds for some. */
export const PLAN_ITEMS_MAX = 2_000;
export const PLAN_MENDED_MAX = 256;
const CHUNK_ITEMS = 256;
const CHUNK_BYTES_MAX = 8 << 20;
const FAILURES_MAX = 50;
const SAMPLES_MAX = 5;
const PARTITIONS_MAX = 1_000;

const QUESTIONS: readonly ValueQuestion[] = MARTS.map(({ id, sources, partitionExpression }) => ({
  name: id,
  tables: sources,
  expression: partitionExpression,
}));

/** Tries a replay on today's contracts without doing it: nothing is written, claimed or counted. */
export async function planReplay(
  deps: PlanDeps,
  tenant: string,
  selection: Selection,
  recipe: RecipeRef | null,
  itemsMax = recipe ? PLAN_MENDED_MAX : PLAN_ITEMS_MAX,
): Promise<Plan> {
  const { current } = deps.keeper;
  if (!current) throw new Error('nothing can be planned before contracts have been read');
  const { selected, ids } = await deps.replays.sample(tenant, selection, itemsMax);
  const trial = new Trial(deps, current, tenant, recipe);
  for (let from = 0; from < ids.length;) {
    const items = await deps.replays.load(ids.slice(from, from + CHUNK_ITEMS), CHUNK_BYTES_MAX);
    // What somebody else has replayed meanwhile is passed.
    from = items.length === 0 ? ids.length : ids.findIndex((id) => id === items[items.length - 1].id) + 1;
    await trial.add(items);
  }
  const { examined, wouldPass, duplicates, wouldFail } = trial;
  const scale = (found: number): Estimate => estimate(found, examined, selected);
  return {
    ...{ contractsIndex: current.contracts.index, selected, examined, sampled: ids.length < selected },
    ...{ wouldPass, duplicates, wouldFail, failures: trial.failuresByCount(), martPartitions: trial.partitions() },
    ...(ids.length < selected && {
      estimates: { wouldPass: scale(wouldPass), duplicates: scale(duplicates), wouldFail: scale(wouldFail) },
    }),
  };
}

/** What has come of the items tried so far. */
class Trial {
  examined = 0;
  wouldPass = 0;
  duplicates = 0;
  wouldFail = 0;
  private readonly failures = new Map<string, PlannedFailure>();
  private readonly touched = new Map<string, Set<string>>();
  /** Keys of items that would have landed by then. */
  private readonly taken = new Map<string, Held>();

  constructor(
    private readonly deps: PlanDeps,
    private readonly inForce: InForce,
    private readonly tenant: string,
    private readonly recipe: RecipeRef | null,
  ) {}

  async add(items: readonly StoredItem[]): Promise<void> {
    this.examined += items.length;
    const lost = items.flatMap(({ id, unreadable }) => (unreadable ? [{ id, failure: UNREADABLE[unreadable] }] : []));
    for (const { id, failure } of lost)
      this.fail(id, { ...{ reason: 'unreadable', rule: failure, path: '$' }, contract: null, eventType: null });
    const readable = items.filter(({ unreadable }) => !unreadable);
    const { mended, failures } = this.recipe
      ? await this.deps.mend(this.tenant, this.recipe, readable)
      : { mended: new Map<number, never>(), failures: [] };
    for (const { id, failure } of failures)
      this.fail(id, { ...{ reason: 'recipe_failed', rule: failure, path: '$' }, contract: null, eventType: null });
    const failed = new Set(failures.map(({ id }) => id));
    const tried = readable.filter(({ id }) => !failed.has(id));
    const batch = storedBatch(tried, REPLAY_LOG, mended);
    const { contracts, keysEpoch } = this.inForce;
    const protection = await this.deps.protections.under(contracts, keysEpoch, false);
    const curated = await curate(batch.items, contracts, protection, this.deps.unknownTypes);
    const known = dedupe(curated.validated);
    const held = new Map([
      ...(await this.deps.store.held(known.candidates.map(({ key }) => key))),
      ...(await this.deps.landedBefore(known.candidates)),
      ...this.taken,
    ]);
    const { outcomes } = settle(known, held, 0);
    const landing: { id: number; event: Valid }[] = [];
    curated.validated.forEach((event, i) => {
      const { id } = tried[i];
      const outcome = outcomes[i];
      if (outcome.fate === 'duplicate') this.duplicates++;
      else if (outcome.fate === 'quarantined') {
        const { reason, groupRule: rule, groupPath: path, contract, groupEventType } = causeOf(event, outcome.refusal);
        this.fail(id, { reason, rule, path, contract, eventType: groupEventType });
      } else if (event.ok) landing.push({ id, event });
    });
    await this.stage(curated, landing);
  }

  partitions(): Record<string, string[]> {
    return Object.fromEntries([...this.touched].map(([mart, values]) => [mart, [...values].sort()]));
  }

  failuresByCount(): PlannedFailure[] {
    return [...this.failures.values()].sort((a, b) => b.count - a.count);
  }

  /** Tries the rows on their tables, and asks them which partitions of the marts they belong to. */
  private async stage(curated: Curated, landing: readonly { id: number; event: Valid }[]): Promise<void> {
    if (landing.length === 0) return;
    const places = placeRaw(curated.raw, 0, 0);
    const rowsOf = (some: readonly { event: Valid }[]): ReturnType<typeof eventRows> =>
      eventRows(
        curated.rows,
        some.map(({ event }) => event.row),
        places,
        0,
      );
    await this.deps.stager.use(async (staging) => {
      const bad = new Set(await bisect(landing, (some) => staging.canStore(rowsOf(some))));
      const good = landing.filter((_, i) => !bad.has(i));
      for (const i of bad) {
        const { id, event } = landing[i];
        const contract = event.contract?.compiled.name ?? null;
        const { eventType } = event.envelope;
        this.fail(id, {
          reason: 'unstorable',
          rule: 'the event can be written to its tables',
          path: '$.payload',
          contract,
          eventType,
        });
      }
      this.wouldPass += good.length;
      for (const { event } of good) {
        const { key, fingerprint } = event;
        for (const one of [key, ...event.formerKeys]) this.taken.set(one, { batchId: null, fingerprint });
      }
      if (good.length === 0) return;
      for (const [mart, values] of await staging.values(rowsOf(good), QUESTIONS)) {
        const set = this.touched.get(mart) ?? new Set();
        for (const value of values) if (set.size < PARTITIONS_MAX) set.add(value);
        if (set.size > 0) this.touched.set(mart, set);
      }
    });
  }

  private fail(id: number, cause: Omit<PlannedFailure, 'count' | 'samples'>): void {
    this.wouldFail++;
    const key = JSON.stringify(cause);
    let failure = this.failures.get(key);
    if (!failure) {
      // The last one stands for the rest.
      if (this.failures.size >= FAILURES_MAX) failure = [...this.failures.values()].at(-1);
      else this.failures.set(key, (failure = { ...cause, count: 0, samples: [] }));
    }
    if (!failure) return;
    failure.count++;
    if (failure.samples.length < SAMPLES_MAX) failure.samples.push(String(id));
  }
}
