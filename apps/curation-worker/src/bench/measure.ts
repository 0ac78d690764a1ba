import { createMemoryStorage } from '@millrace/storage/memory';
import type { Protection } from '../privacy/protection';
import { testProtections } from '../testing/protections';
import { Profiler } from '@millrace/contracts/profile';
import { decode, fingerprint } from '@millrace/envelope';
import { claimKey, DEFAULT_DEDUPE, exactPayload } from '../claims/claim-key';
import type { ContractsInForce } from '../contracts/in-force';
import type { Enrich } from '../dimensions/enrich';
import { curate, type Curated, type Valid, type Validated } from '../pipeline/curate';
import { dedupe, type Held, settle } from '../pipeline/dedupe';
import type { MicroBatch } from '../pipeline/received';
import { timeDeltas } from '../windows/tally';
import { withLookups } from './dimensions';
import { type Books, bundledContracts, DEMO, knownAnswer, microBatches, shipmentItems } from './shipments';

/** One step, or all together. */
export interface StepCost {
  readonly name: string;
  /** CPU time of the process for an event, collection of garbage included; median over the rounds, µs. */
  readonly microseconds: number;
}

export interface CurationCost {
  readonly events: number;
  readonly steps: readonly StepCost[];
  /** From stored batches to the fate and the row of each event. */
  readonly together: StepCost;
}

/** As landings are under load. */
const BATCH_ITEMS = 10_000;
const APPEND_ITEMS = 100;
const TOGETHER = 'all of it, from stored batches to fates and rows';

/** What is measured, made once. */
interface Bench {
  /** Keys of nobody, as a worker has them. */
  readonly protection: Protection | null;
  readonly items: readonly Buffer[];
  readonly batches: readonly MicroBatch[];
  readonly contracts: ContractsInForce;
  readonly enrich: Enrich;
}

/**
 * What the pipeline's steps cost on the bundled shipments, one thread, nothing outside of memory, with everything on that
 * a contract can ask for there. All steps are measured in turns, `rounds` times after one for warming up.
 * @throws Error where the events do not become what they are known to become
 */
export async function measureCuration(rounds = 7): Promise<CurationCost> {
  const items = shipmentItems();
  const withDimensions = withLookups(bundledContracts(), DEMO);
  const bench: Bench = {
    items,
    batches: microBatches(items, BATCH_ITEMS, APPEND_ITEMS),
    ...withDimensions,
    protection: await testProtections(createMemoryStorage()).under(withDimensions.contracts, 0, false),
  };
  const steps = await stepsOf(bench);
  const taken = new Map<string, number[]>([...steps.keys(), TOGETHER].map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of steps) note(taken, name, round, cpuOf(run));
    note(taken, TOGETHER, round, await cpuOfAll(bench));
  }
  const cost = (name: string): StepCost => ({
    name,
    microseconds: median(taken.get(name) as number[]) / items.length,
  });
  return { events: items.length, steps: [...steps.keys()].map(cost), together: cost(TOGETHER) };
}

function note(taken: Map<string, number[]>, name: string, round: number, microseconds: number): void {
  if (round > 0) taken.get(name)?.push(microseconds);
}

async function stepsOf({ items, batches, contracts, enrich, protection }: Bench): Promise<Map<string, () => void>> {
  const options = { contractFor: (type: string) => contracts.contractOf(type)?.compiled };
  const received = batches.flatMap((batch) => batch.items);
  const events = received.flatMap(({ value, origin }) => {
    const decoded = decode(value, origin.headers, options);
    if (!decoded.ok) return [];
    const contract = contracts.contractOf(decoded.envelope.eventType);
    return [{ envelope: decoded.envelope, contract, dedupe: contract?.compiled.dedupe ?? DEFAULT_DEDUPE }];
  });
  const curated = await Promise.all(
    batches.map((batch) => curate(batch.items, contracts, protection, undefined, enrich)),
  );
  const profiler = new Profiler();
  return new Map([
    ['JSON.parse alone', () => each(items, parseAnything)],
    ['read', () => each(received, ({ value, origin }) => decode(value, origin.headers, options))],
    [
      'check the contract',
      () => each(events, ({ envelope: e, contract }) => contract?.compiled.validate(e.payload, e)),
    ],
    [
      'profile',
      () => each(events, ({ envelope: e }) => profiler.observe(e.tenantId, e.source, e.eventType, null, e.payload)),
    ],
    ['look up in two dimensions', () => each(events, ({ envelope, contract }) => enrich(envelope, contract))],
    ['claim key', () => each(events, ({ envelope, dedupe: by }) => claimKey(envelope, by))],
    ['fingerprint', () => each(events, ({ envelope }) => fingerprint(exactPayload(envelope)))],
    ['dedupe decision', () => void new Fates().decide(curated)],
    [
      'windows and lateness',
      () => each(curated, (c) => timeDeltas(c.validated.filter(({ ok }) => ok) as Valid[], c.facilities)),
    ],
  ]);
}

/** Batches that land one after the other, with every claim in memory. */
class Fates {
  readonly books = { landed: 0, duplicate: 0, quarantined: 0, waiting: 0 };
  private readonly claims = new Map<string, Held>();
  private batchId = 0;

  decide(batches: readonly Pick<Curated, 'validated'>[]): void {
    for (const { validated } of batches) this.settle(validated);
  }

  /** The batch's events that land. */
  settle(validated: readonly Validated[]): Valid[] {
    const batchId = ++this.batchId;
    const deduped = dedupe(validated);
    const held = new Map<string, Held>();
    for (const { key, fingerprint: content } of deduped.candidates) {
      const holder = this.claims.get(key);
      if (holder) held.set(key, holder);
      else this.claims.set(key, { batchId, fingerprint: content });
    }
    const landed: Valid[] = [];
    settle(deduped, held, batchId).outcomes.forEach(({ fate }, n) => {
      const event = validated[n];
      this.books[fate]++;
      if (fate === 'landed' && event.ok) landed.push(event);
    });
    return landed;
  }
}

async function cpuOfAll({ batches, contracts, enrich, protection }: Bench): Promise<number> {
  const before = process.cpuUsage();
  const fates = new Fates();
  for (const { items } of batches) {
    const { validated, facilities, profiler } = await curate(items, contracts, protection, undefined, enrich);
    timeDeltas(fates.settle(validated), facilities);
    profiler.done();
  }
  const { user, system } = process.cpuUsage(before);
  const known = knownAnswer();
  if (Object.entries(known).some(([fate, count]) => fates.books[fate as keyof Books] !== count))
    throw new Error(`the shipments became ${JSON.stringify(fates.books)} instead of ${JSON.stringify(known)}`);
  return user + system;
}

function cpuOf(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function each<T>(values: readonly T[], use: (value: T) => unknown): void {
  for (const value of values) use(value);
}

/** Some items are no JSON. */
function parseAnything(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((x, y) => x - y)[values.length >> 1];
}
