import { compileText, type PublishedContract, readPublished } from '@millrace/contracts';
import type { Refusal } from '@millrace/envelope';
import type { Storage } from '@millrace/storage';
import type { ShadowJob, ShadowTally, WorkProgress } from '@millrace/topics';
import { ContractsInForce } from '../contracts/in-force';
import { createParseStep } from '../pipeline/parse';
import type { Received } from '../pipeline/received';
import { createValidateStep, sourceOf } from '../pipeline/validate';
import { OTHER_TYPES, rawFolder, writerOf } from '../staging/paths';
import { JobError, type Step } from '../work/runner';
import type { Pace } from './pace';
import type { Opener } from '../privacy/opener';
import { readRawPart } from './read-raw-part';
import { Tally } from './tally';

export interface ShadowDeps {
  readonly storage: Pick<Storage, 'get' | 'list'>;
  /** Of some batches, those that have landed; the files of others are visible to nobody. */
  readonly landedBatches: (batchIds: readonly number[]) => Promise<ReadonlySet<number>>;
  /** Opens raw lines that are sealed. */
  readonly opener: Pick<Opener, 'lines'>;
  /** Of all shadows of the process together. */
  readonly pace: Pick<Pace, 'passed'>;
  readonly monotonicMs: () => number;
  /** State is saved at the end of a part, so often at most, ms (default 1,000). */
  readonly stepEveryMs?: number;
}

/** How far a shadow has come: everything before `cursor` is in the tally, and nothing behind it. */
export interface ShadowState {
  readonly cursor: { readonly folder: number; readonly path: string } | null;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly tally: ShadowTally;
}

interface Part {
  readonly folder: number;
  readonly path: string;
  readonly bytes: number;
}

const DAY_MS = 86_400_000;
const DAYS_MAX = 400;
/** Items between two looks at the pace; some milliseconds. */
const PACED_ITEMS = 100;
/** Parts whose batches are asked for at once. */
const PARTS_AT_ONCE = 200;
const STEP_EVERY_MS = 1_000;
/** Within a long part it is said that the job lives, so often. */
const SIGN_OF_LIFE_EVERY_MS = 1_000;

/**
 * Tries a proposed contract on the raw items of some days: each is read and checked as it would be landed today, under
 * the contracts in force and under the same with the proposed one among them. Nothing is claimed, landed or counted.
 */
export async function* shadow(
  deps: ShadowDeps,
  job: ShadowJob,
  saved: ShadowState | null,
  signal: AbortSignal,
): AsyncGenerator<Step<ShadowState>> {
  const { stepEveryMs = STEP_EVERY_MS } = deps;
  const { before, after, types } = await contractsOf(deps.storage, job);
  const folders = foldersOf(types, job.from, job.to);
  const wanted = new Set(types);
  const judges = [judge(before), judge(after)] as const;
  const { pace } = deps;
  const bytesTotal = saved?.bytesTotal ?? (await sizeOf(deps.storage, folders));
  const tally = Tally.of(saved?.tally);
  let state: ShadowState = saved ?? { cursor: null, bytesDone: 0, bytesTotal, tally: tally.shown() };
  let steppedMs = deps.monotonicMs();
  const step = (next: ShadowState, moved: boolean): Step<ShadowState> => {
    steppedMs = deps.monotonicMs();
    const { bytesDone, tally: result } = next;
    const progress: WorkProgress = { bytesDone, bytesTotal: Math.max(bytesTotal, bytesDone), items: result.items };
    return { ...(moved && { state: next }), progress, result };
  };
  yield step(state, saved === null);

  for await (const { part, landed } of partsOf(deps, folders, state.cursor)) {
    signal.throwIfAborted();
    if (landed) {
      const ofPart = new Tally();
      let line = 0;
      for (const item of await readRawPart(deps.storage, part.path, deps.opener)) {
        line++;
        tryItem(item, ofPart, { part: part.path, line, wanted, judges, tenant: job.tenant });
        if (line % PACED_ITEMS !== 0) continue;
        await pace.passed(PACED_ITEMS, signal);
        if (deps.monotonicMs() - steppedMs >= SIGN_OF_LIFE_EVERY_MS) yield step(state, false);
      }
      await pace.passed(line % PACED_ITEMS, signal);
      tally.merge(ofPart.shown());
    }
    const { folder, path } = part;
    state = { cursor: { folder, path }, bytesDone: state.bytesDone + part.bytes, bytesTotal, tally: tally.shown() };
    if (deps.monotonicMs() - steppedMs >= stepEveryMs) yield step(state, true);
  }
  yield step(state, true);
}

type Judge = (received: Received) => {
  readonly refusal: Refusal | null;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly source: string;
};

interface Place {
  readonly part: string;
  readonly line: number;
  readonly wanted: ReadonlySet<string>;
  readonly judges: readonly [Judge, Judge];
  readonly tenant: string;
}

function tryItem(item: Received | null, tally: Tally, { part, line, wanted, judges, tenant }: Place): void {
  if (item === null) return tally.unreadable();
  const [before, after] = [judges[0](item), judges[1](item)];
  if (after.eventType === null || !wanted.has(after.eventType)) return;
  const { headers } = item.origin;
  const { source } = after;
  const sample = { eventId: after.eventId, source, rawPart: part, rawLine: line };
  tally.add({
    ...{ tenant: headers.tenant, source, before: before.refusal, after: after.refusal },
    sample: headers.tenant === tenant ? sample : null,
  });
}

function judge(contracts: ContractsInForce): Judge {
  const parse = createParseStep(contracts);
  const validate = createValidateStep(contracts);
  return (received) => {
    const found = validate(parse(received));
    const { eventId, eventType } = found.ok ? found.envelope : found;
    return { refusal: found.ok ? null : found.refusal, eventId, eventType, source: sourceOf(found) };
  };
}

/** The contracts in force as they were when the job was asked for, and the same with the proposed one. */
async function contractsOf(storage: Pick<Storage, 'get'>, { path, contract: name, contractsIndex: index }: ShadowJob) {
  const known = index > 0 ? await readPublished(storage, index) : { contracts: [], unavailable: [] };
  const compiled = compileText((await storage.get(path)).toString('utf8'));
  if (compiled.name !== name) throw new JobError(`The proposed text is of the contract ${compiled.name}.`);
  const proposed: PublishedContract = { compiled, label: `${name}@${compiled.version}`, schemaHash: '' };
  const others = known.contracts.filter((contract) => contract.compiled.name !== name);
  const replaced = known.contracts.find((contract) => contract.compiled.name === name);
  return {
    before: new ContractsInForce(index, known.contracts, known.unavailable),
    after: new ContractsInForce(
      index,
      [...others, proposed],
      known.unavailable.filter((each) => each.name !== name),
    ),
    types: [...new Set([...compiled.eventTypes, ...(replaced?.compiled.eventTypes ?? [])])].sort(),
  };
}

/** Folders of the raw zone where items of the types are, day by day. */
function foldersOf(types: readonly string[], from: string, to: string): string[] {
  const [first, last] = [Date.parse(from), Date.parse(to)];
  if (!(last >= first) || (last - first) / DAY_MS >= DAYS_MAX)
    throw new JobError(`The days must be in order, and ${DAYS_MAX} at most.`);
  const folders: string[] = [];
  for (let day = first; day <= last; day += DAY_MS) {
    const date = new Date(day).toISOString().slice(0, 10);
    for (const type of [...types, OTHER_TYPES]) folders.push(rawFolder(type, date));
  }
  return folders;
}

async function sizeOf(storage: Pick<Storage, 'list'>, folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders) for await (const object of storage.list(folder)) bytes += object.bytes;
  return bytes;
}

/** Parts behind the cursor, in order, and whether they are visible. */
async function* partsOf(
  { storage, landedBatches }: Pick<ShadowDeps, 'storage' | 'landedBatches'>,
  folders: readonly string[],
  cursor: ShadowState['cursor'],
): AsyncGenerator<{ readonly part: Part; readonly landed: boolean }> {
  for (let folder = cursor?.folder ?? 0; folder < folders.length; folder++) {
    let startAfter = folder === cursor?.folder ? cursor.path : undefined;
    for (;;) {
      const some: Part[] = [];
      for await (const { path, bytes } of storage.list(folders[folder], { startAfter })) {
        some.push({ folder, path, bytes });
        if (some.length === PARTS_AT_ONCE) break;
      }
      const landed = await landedBatches(some.flatMap(({ path }) => writerOf(path)?.batchId ?? []));
      for (const part of some) yield { part, landed: landed.has(writerOf(part.path)?.batchId ?? -1) };
      if (some.length < PARTS_AT_ONCE) break;
      startAfter = some[some.length - 1].path;
    }
  }
}
