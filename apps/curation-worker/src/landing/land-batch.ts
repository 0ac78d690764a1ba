import { type Clock, currentTraceparent, type Random } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import type { StagedFile } from '@millrace/topics';
import type { InForce } from '../contracts/keeper';
import { countFates } from '../pipeline/counts';
import { type Candidate, dedupe, type Held, settle } from '../pipeline/dedupe';
import type { Outcome } from '../pipeline/outcome';
import { acceptSpan, type MicroBatch } from '../pipeline/received';
import type { Curated, Valid, Validated } from '../pipeline/curate';
import { quarantineRows } from '../quarantine/rows';
import { eventRows } from '../staging/event-rows';
import { writeFateRows } from '../staging/fate-rows';
import { type Compress, placeRaw, type RawPlaces } from '../staging/raw-parts';
import { type Stager, Unstorable, type Writer } from '../staging/stager';
import type { Timers } from '../worker/timers';
import type { TimeDelta } from '../windows/deltas';
import { timeDeltas } from '../windows/tally';
import type { BatchIds } from './batch-ids';
import { keptAlive } from './keep-alive';
import { describeBatch, type UnnumberedBatch } from './message';
import { claimsOf } from './claims-of';
import { landUnderNewest } from './land-under-newest';
import { undo, writeRaw } from './files';
import { type Landing, LandingError, type LandingStore, type ReplayEntry } from './port';
import { settledRows, waitingRows } from './replayed';
import { typeStats } from './type-stats';
import { timed } from './timed';

export interface LandDeps {
  readonly store: LandingStore;
  readonly storage: Storage;
  readonly stager: Stager;
  /** Of raw parts. */
  readonly compress: Compress;
  readonly ids: BatchIds;
  /** Keys of old events that are in the lake although their claims have been pruned. */
  readonly landedBefore: (candidates: readonly Candidate[]) => Promise<ReadonlyMap<string, Held>>;
  /** Learns that files of an accept date are about to be written. */
  readonly declareDate: (epoch: number, date: string) => Promise<void>;
  readonly failpoint: Failpoint<'curation-worker'>;
  readonly timers: Pick<Timers, 'every'>;
  readonly clock: Clock;
  /** Of what is sealed. */
  readonly random: Random;
  /** Seconds that a step took. */
  readonly observe: (step: 'claim' | 'stage' | 'raw' | 'tally' | 'commit', seconds: number) => void;
}

export interface Landed {
  readonly kind: 'landed';
  readonly number: number;
  readonly message: UnnumberedBatch;
  readonly outcomes: readonly Outcome[];
  /** What the landed events say about time. */
  readonly time: readonly TimeDelta[];
}

export type LandResult =
  | Landed
  /** The range has landed before: dropped, and counted nowhere. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'not_owner' }
  | { readonly kind: 'gap' }
  /** A message of an input without positions has landed meanwhile. */
  | { readonly kind: 'seen' }
  /** Of a replay: its job goes on without this batch, or not at all. */
  | { readonly kind: 'over' }
  /** Of a replay: only these rows are still there for the taking. */
  | { readonly kind: 'taken'; readonly left: ReadonlySet<number> }
  /** Rows do not fit their tables although they passed every check. */
  | {
      readonly kind: 'unstorable';
      readonly events: readonly Valid[];
      readonly places: RawPlaces;
      readonly cause: Unstorable;
    };

export interface Attempt {
  readonly batch: MicroBatch;
  readonly curated: Curated;
  readonly inForce: InForce;
  readonly epoch: number;
  /** How often these items have been tried, this time included. */
  readonly attempts: number;
  readonly replay?: Replay;
  /** Whether contracts that are known by now would judge the batch otherwise: then nothing more need be written of it. */
  readonly isOutdated: () => boolean;
  /** What is in force now, if that is newer and the batch holds under it as it is; null where it has to be redone. */
  readonly whatHolds: (before: InForce) => Promise<InForce | null>;
  /** The items are not landed but put aside, to be tried again. */
  readonly putAside?: { readonly error: string; readonly retryInMs: number };
}

/** A batch of items that were received before. */
export interface Replay {
  readonly entry: ReplayEntry;
  /** By item: its row. */
  readonly rowIds: readonly number[];
  /**
   * The keys epoch of before its items were opened. Under another one they may be of somebody who has been erased since,
   * and must be opened anew; absent for items that were not opened.
   */
  readonly keysEpoch?: number;
}

/**
 * One attempt to land a micro-batch: files first, then everything else in one transaction, in the order of the landing
 * port. Nothing of a failed attempt stays: its transaction is rolled back and its files are deleted, except when the
 * commit's outcome is unknown and its files may be named by a manifest.
 *
 * @throws LandingError, StorageError, DuckError; with `LANDING_UNKNOWN` comes an `UnknownLanding`
 */
export async function landBatch(deps: LandDeps, attempt: Attempt): Promise<LandResult> {
  const { batch, epoch } = attempt;
  const { validated, raw: groups } = attempt.curated;
  const writer: Writer = { batchId: await deps.ids.take(), epoch };
  const places = placeRaw(groups, writer.batchId, epoch);
  const known = dedupe(validated);
  const before = await deps.landedBefore(known.candidates);
  const span = acceptSpan(batch.items);
  const written = places.parts.flatMap(({ path, stored }) => (stored ? [] : path));
  if (span.from !== null && written.length > 0) await deps.declareDate(epoch, span.from.slice(0, 10));
  await deps.failpoint('before-begin');

  const raw = writeRaw(deps, places, validated);
  let landing: Landing | null = null;
  try {
    landing = await deps.store.begin();
    const result = await inTransaction(deps, attempt, { writer, places, known, before, raw, written, landing });
    if (result.kind === 'landed') return result;
    await undo(deps, landing, raw, written);
    return result;
  } catch (error) {
    if (error instanceof UnknownLanding) throw error;
    await undo(deps, landing, raw, written);
    throw error;
  }
}

/** The connection broke during commit: the landing may have happened, so its files stay where they are. */
export class UnknownLanding extends Error {
  readonly code = 'LANDING_UNKNOWN';
  constructor(
    readonly landed: Omit<Landed, 'number'>,
    readonly written: readonly string[],
    cause: LandingError,
  ) {
    super(cause.message, { cause });
  }
}

interface Work {
  readonly writer: Writer;
  readonly places: RawPlaces;
  readonly known: ReturnType<typeof dedupe>;
  readonly before: ReadonlyMap<string, Held>;
  readonly raw: Promise<StagedFile[]>;
  readonly written: string[];
  readonly landing: Landing;
}

async function inTransaction(deps: LandDeps, attempt: Attempt, work: Work): Promise<LandResult> {
  const { batch, epoch, attempts } = attempt;
  const { validated } = attempt.curated;
  const { writer, places, known, landing, written } = work;
  const { batchId } = writer;

  const refused = await enter(attempt, landing, batchId);
  if (refused) return refused;
  await deps.failpoint('after-position');

  const { before } = work;
  const claims = claimsOf(
    before.size === 0 ? known.candidates : known.candidates.filter(({ key }) => !before.has(key)),
  );
  const held = await timed(deps, 'claim', () => landing.claim(claims, batchId));
  const { outcomes: judged, unused } = settle(
    known,
    work.before.size > 0 ? new Map([...work.before, ...held]) : held,
    batchId,
  );
  const { putAside, replay } = attempt;
  const outcomes = putAside ? judged.map((): Outcome => ({ fate: 'waiting', error: putAside.error })) : judged;
  if (unused.length > 0) await landing.release(unused, batchId);
  await deps.failpoint('after-claims');
  // Claims are waited for, and files cost the most.
  if (attempt.isOutdated())
    throw new LandingError('LANDING_LINE_MOVED', 'contracts changed before anything was staged');

  const staged = await timed(deps, 'stage', () => keptAlive(deps, landing, () => stage(deps, attempt, work, outcomes)));
  if (staged instanceof Unstorable) {
    return { kind: 'unstorable', events: landedEvents(validated, outcomes), places, cause: staged };
  }
  const rawFiles = await timed(deps, 'raw', () => keptAlive(deps, landing, () => work.raw));
  await deps.failpoint('after-raw');

  const healing = replay?.entry.from === 'quarantine';
  if (healing) await landing.settleReplay(settledRows(replay, validated, outcomes, places), batchId);
  else await landing.quarantine(quarantineRows(batch, validated, outcomes, places, { batchId, attempts }, deps.random));
  if (putAside) await landing.wait(waitingRows(batch, validated, places, batchId, putAside, deps.random));
  await deps.failpoint('after-quarantine');
  const time = timeDeltas(landedEvents(validated, outcomes), attempt.curated.facilities);
  await timed(deps, 'tally', () => landing.tally(time, batchId));
  await deps.failpoint('after-tally');

  const counts = countFates(batch.items, outcomes, healing);
  const total = (fate: 'landed' | 'duplicate' | 'quarantined'): number =>
    counts.reduce((sum, row) => sum + row[fate], 0);
  const totals = { landed: total('landed'), duplicate: total('duplicate'), quarantined: total('quarantined') };
  const traceparent = currentTraceparent();
  const files = [...staged, ...rawFiles];
  const seen = attempt.curated.profiler.done();
  const { topic, partition, range } = batch;
  return landUnderNewest(deps, attempt, landing, written, ({ lineId, contracts }) => {
    const about = {
      ...{ lineId, batchId, contractsIndex: contracts.index },
      landedAt: new Date(deps.clock.now()).toISOString(),
      ...(traceparent !== undefined && { traceparent }),
    };
    const message = describeBatch(batch, about, files, counts, seen);
    const stats = typeStats(validated, outcomes, deps.clock.now(), healing);
    return {
      landed: { kind: 'landed', message, outcomes, time },
      manifest: { batchId, epoch, topic, partition, range, message, ...totals, stats },
    };
  });
}

/** The first step: the position, the inbox where there is none, or the rows of a replay. Says why the landing may not go on. */
async function enter(
  { batch, epoch, replay }: Attempt,
  landing: Landing,
  batchId: number,
): Promise<Exclude<LandResult, { kind: 'landed' | 'unstorable' }> | null> {
  const { topic, partition, range, items } = batch;
  if (replay) {
    const left = await landing.enterReplay(replay.entry);
    if (left === 'over') return { kind: 'over' };
    return left.size < replay.entry.ids.length ? { kind: 'taken', left } : null;
  }
  if (range) {
    const kind = await landing.movePosition({ topic, partition, epoch, ...range, acceptedTo: acceptSpan(items).to });
    return kind === 'moved' ? null : { kind };
  }
  const ids = items.map(({ messageId }, i) => messageId ?? `${batchId}/${i}`);
  return (await landing.enterInbox(topic, ids, batchId)) ? null : { kind: 'seen' };
}

/** What stages is lent for the files only: nobody who holds it waits for the database. */
function stage(
  deps: LandDeps,
  { batch, curated }: Attempt,
  { writer, places, written }: Work,
  outcomes: readonly Outcome[],
): Promise<StagedFile[] | Unstorable> {
  const landed = landedEvents(curated.validated, outcomes);
  return deps.stager.use(async (staging) => {
    const files: StagedFile[] = [];
    if (landed.length > 0) {
      const rows = eventRows(
        curated.rows,
        landed.map(({ row }) => row),
        places,
        writer.batchId,
      );
      try {
        files.push(...(await staging.events(rows, writer, written)));
      } catch (error) {
        if (error instanceof Unstorable) return error;
        throw error;
      }
    }
    await deps.failpoint('after-parquet');
    if (landed.length < outcomes.length) {
      const fates = writeFateRows(batch, curated.validated, outcomes, places, writer.batchId);
      files.push(await staging.table(fates, writer, written));
    }
    await deps.failpoint('after-fates');
    return files;
  });
}

function landedEvents(validated: readonly Validated[], outcomes: readonly Outcome[]): Valid[] {
  const events: Valid[] = [];
  validated.forEach((event, i) => {
    if (event.ok && outcomes[i].fate === 'landed') events.push(event);
  });
  return events;
}

export type LandBatch = typeof landBatch;
