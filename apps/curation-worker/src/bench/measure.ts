import { decode, type Envelope, fingerprint } from '@millrace/envelope';
import { claimKey, DEFAULT_DEDUPE, exactPayload } from '../claims/claim-key';
import type { ContractsInForce } from '../contracts/in-force';
import { curate, type Validated } from '../pipeline/curate';
import { dedupe, type Held, settle } from '../pipeline/dedupe';
import type { MicroBatch } from '../pipeline/received';
import { type Books, bundledContracts, knownAnswer, microBatches, shipmentItems } from './shipments';

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

/**
 * What the pipeline's steps cost on the bundled shipments, one thread, nothing outside of memory. All steps are measured
 * in turns, `rounds` times after one for warming up.
 * @throws Error where the events do not become what they are known to become
 */
export async function measureCuration(rounds = 7): Promise<CurationCost> {
  const items = shipmentItems();
  const batches = microBatches(items, BATCH_ITEMS, APPEND_ITEMS);
  const contracts = bundledContracts();
  const curated = await Promise.all(batches.map(({ items: received }) => curate(received, contracts)));
  const steps = stepsOf(
    items,
    batches,
    contracts,
    curated.map(({ validated }) => validated),
  );
  const taken = new Map<string, number[]>([...steps.keys(), TOGETHER].map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of steps) note(taken, name, round, cpuOf(run));
    note(taken, TOGETHER, round, await cpuOfAll(batches, contracts));
  }
  const cost = (name: string): StepCost => ({
    name,
    microseconds: median(taken.get(name) as number[]) / items.length,
  });
  return { events: items.length, steps: [...steps.keys()].map(cost), together: cost(TOGETHER) };
}

const TOGETHER = 'all steps, from stored batches to fates and rows';

function note(taken: Map<string, number[]>, name: string, round: number, microseconds: number): void {
  if (round > 0) taken.get(name)?.push(microseconds);
}

function stepsOf(
  items: readonly Buffer[],
  batches: readonly MicroBatch[],
  contracts: ContractsInForce,
  validated: readonly (readonly Validated[])[],
): Map<string, () => void> {
  const options = { contractFor: (type: string) => contracts.contractOf(type)?.compiled };
  const received = batches.flatMap((batch) => batch.items);
  const envelopes = received.flatMap(({ value, origin }): Envelope[] => {
    const decoded = decode(value, origin.headers, options);
    return decoded.ok ? [decoded.envelope] : [];
  });
  const dedupeOf = new Map(
    contracts.contracts.flatMap(({ compiled }) => compiled.eventTypes.map((type) => [type, compiled.dedupe])),
  );
  return new Map([
    ['JSON.parse alone', () => each(items, parseAnything)],
    ['read', () => each(received, ({ value, origin }) => decode(value, origin.headers, options))],
    [
      'check the contract',
      () => each(envelopes, (e) => contracts.contractOf(e.eventType)?.compiled.validate(e.payload, e)),
    ],
    ['claim key', () => each(envelopes, (e) => claimKey(e, dedupeOf.get(e.eventType) ?? DEFAULT_DEDUPE))],
    ['fingerprint', () => each(envelopes, (e) => fingerprint(exactPayload(e)))],
    ['dedupe decision', () => void decide(validated)],
  ]);
}

/** The fates of all batches, landed one after the other, with every claim in memory. */
function decide(batches: readonly (readonly Validated[])[]): Books {
  const claims = new Map<string, Held>();
  const books = { landed: 0, duplicate: 0, quarantined: 0, waiting: 0 };
  batches.forEach((validated, n) => {
    const deduped = dedupe(validated);
    const held = new Map<string, Held>();
    for (const { key, fingerprint: content } of deduped.candidates) {
      const holder = claims.get(key);
      if (holder) held.set(key, holder);
      else claims.set(key, { batchId: n, fingerprint: content });
    }
    for (const { fate } of settle(deduped, held, n).outcomes) books[fate]++;
  });
  return books;
}

async function cpuOfAll(batches: readonly MicroBatch[], contracts: ContractsInForce): Promise<number> {
  const before = process.cpuUsage();
  const validated: (readonly Validated[])[] = [];
  for (const { items } of batches) validated.push((await curate(items, contracts)).validated);
  const books = decide(validated);
  const { user, system } = process.cpuUsage(before);
  const known = knownAnswer();
  if (Object.entries(known).some(([fate, count]) => books[fate as keyof Books] !== count))
    throw new Error(`the shipments became ${JSON.stringify(books)} instead of ${JSON.stringify(known)}`);
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
