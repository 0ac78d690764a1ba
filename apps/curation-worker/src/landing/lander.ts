import { DuckError } from '@millrace/lakehouse/duckdb';
import type { Logger } from '@millrace/observability';
import { StorageError } from '@millrace/storage';
import type { ContractsKeeper, InForce } from '../contracts/keeper';
import { assertCounts } from '../pipeline/counts';
import { createParseStep } from '../pipeline/parse';
import type { MicroBatch } from '../pipeline/received';
import { type Curated, curate, curateUnread, type Valid, type Validated } from '../pipeline/curate';
import type { UnknownTypes } from '../pipeline/validate';
import { bisect } from '../staging/bisect';
import { eventRows } from '../staging/event-rows';
import { deleteFiles } from './files';
import { isUnread, unread, unstorable } from './judged';
import { judgedAlike } from './judged-alike';
import {
  type Attempt,
  type LandBatch,
  type LandDeps,
  type Landed,
  type LandResult,
  type Replay,
  UnknownLanding,
} from './land-batch';
import { KeyError } from '@millrace/privacy';
import { openItems } from '../privacy/open-items';
import type { Protection, Protections } from '../privacy/protection';
import { LandingError } from './port';
import { leftOf, unseen } from './what-is-left';

/** A micro-batch that has been read and checked, under the contracts of then. */
export interface Prepared {
  readonly batch: MicroBatch;
  readonly curated: Curated;
  readonly inForce: InForce;
}

/** What is left to be told of a landing once nothing more can be tried. */
export type LandOutcome =
  | Landed
  | { readonly kind: 'dropped' | 'not_owner' | 'gap' }
  /** Contracts that concern the batch changed while it landed: a smaller part of it is sooner done. Of inputs with positions. */
  | { readonly kind: 'outrun' }
  /** Of a replay: its job goes on without this batch, or not at all. */
  | { readonly kind: 'over' }
  /** Of a replay: somebody else has replayed all of it. */
  | { readonly kind: 'taken' }
  /** Of a replay: keys were destroyed since its items were opened, and one of them may be theirs. */
  | { readonly kind: 'rekeyed' };

export interface Backoff {
  /** Waits longer with each failure; rejects when `signal` aborts. */
  wait(failures: number, signal: AbortSignal): Promise<void>;
}

export interface LanderDeps extends LandDeps {
  readonly keeper: ContractsKeeper;
  readonly protections: Protections;
  readonly backoff: Backoff;
  readonly logger: Logger;
  readonly landBatch: LandBatch;
  /** Default `infer`: they land. */
  readonly unknownTypes?: UnknownTypes;
  /** Told of each failure that is waited out, and with null of each landing. */
  readonly onTrouble: (error: Error | null) => void;
}

export interface Ownership {
  readonly epoch: number;
  readonly attempts: number;
  /** Aborted when there is no use in going on: the partition is lost, or the service stops. */
  readonly signal: AbortSignal;
  readonly replay?: Replay;
  readonly putAside?: Attempt['putAside'];
}

export interface PrepareOptions {
  /** Ends the waiting for keys. */
  readonly signal: AbortSignal;
  /** Quarantine the items unread, as dead letters of this failure. */
  readonly deadLetter?: string;
  /** The items will be put aside: nothing is checked, and read only what they are called if that is known to be safe. */
  readonly putAside?: 'named' | 'unread';
}

/** Smaller batches are not cut when contracts outrun them. */
export const OUTRUN_EVENTS_MIN = 500;

/** A batch that DuckDB has no memory or room for is tried this often before it counts as failed, and is halved. */
const DUCK_TRIES_MAX = 3;

/**
 * Lands micro-batches come what may: waits out databases and disks that are away, redoes a batch under new contracts,
 * finds out about commits of unknown outcome, and sets aside events that cannot be stored.
 */
export class Lander {
  constructor(private readonly deps: LanderDeps) {}

  /** Reads and checks a micro-batch. Waits for keys that cannot be had now: no event is to blame for them. */
  async prepare(sealed: MicroBatch, { signal, deadLetter, putAside }: PrepareOptions): Promise<Prepared> {
    assertCounts(sealed);
    const { protections } = this.deps;
    return this.untilKeys(signal, async () => {
      const inForce = this.inForce();
      // What is put aside by its names has to be opened for them; what has ended processes is not touched.
      const batch = putAside === 'unread' ? sealed : await openItems(sealed, (id) => protections.inboundKey(id));
      if (deadLetter === undefined && !putAside) return { batch, curated: await this.curate(batch, inForce), inForce };
      const names = putAside === 'named' ? createParseStep(inForce.contracts) : null;
      const protection = await this.protectionOf(batch, inForce);
      const curated = curateUnread(batch.items, (received) => unread(received, names, deadLetter), protection);
      return { batch, curated, inForce };
    });
  }

  private async curate(batch: MicroBatch, inForce: InForce): Promise<Curated> {
    const protection = await this.protectionOf(batch, inForce);
    return curate(batch.items, inForce.contracts, protection, this.deps.unknownTypes, inForce.enrich);
  }

  private protectionOf({ items }: MicroBatch, { contracts, keysEpoch }: InForce): Promise<Protection | null> {
    const sealed = items.some(({ origin }) => origin.wasSealed || origin.headers.sealed !== undefined);
    return this.deps.protections.under(contracts, keysEpoch, sealed);
  }

  private async untilKeys<T>(signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await task();
      } catch (error) {
        if (!canWaitOut(error)) throw error;
        this.deps.onTrouble(error);
        await this.deps.backoff.wait(failures, signal);
      }
    }
  }

  /** @throws what cannot be waited out: the landing's own failure, a fenced epoch, or the abort's reason */
  async land(prepared: Prepared, ownership: Ownership): Promise<LandOutcome> {
    let { batch, curated, inForce } = prepared;
    let { replay } = ownership;
    for (let failures = 0, duckTries = 0; ;) {
      ownership.signal.throwIfAborted();
      // Contracts may have changed since it was read ahead, or while something was waited out.
      ({ curated, inForce } = await this.underNewest({ batch, curated, inForce }, ownership.signal));
      if (replay?.keysEpoch !== undefined && replay.keysEpoch !== inForce.keysEpoch) return { kind: 'rekeyed' };
      try {
        const result = await this.attempt({ batch, curated, inForce }, { ...ownership, replay });
        if (result.kind === 'landed') this.deps.onTrouble(null);
        switch (result.kind) {
          case 'landed':
          case 'not_owner':
          case 'gap':
          case 'over':
            return result;
          case 'passed':
            return { kind: 'dropped' };
          case 'unstorable':
            curated = await this.setAside(curated, result);
            continue;
          case 'taken': {
            if (result.left.size === 0 || !replay) return { kind: 'taken' };
            ({ batch, replay } = leftOf(batch, replay, result.left));
            curated = await this.curate(batch, inForce);
            continue;
          }
          case 'seen': {
            batch = await unseen(this.deps.store, batch);
            if (batch.items.length === 0) return { kind: 'dropped' };
            curated = await this.curate(batch, inForce);
            continue;
          }
        }
      } catch (error) {
        if (error instanceof LandingError && error.code === 'LANDING_LINE_MOVED') {
          await this.refresh(ownership.signal);
          const isOutrun = batch.range && batch.items.length >= OUTRUN_EVENTS_MIN && !ownership.putAside;
          if (isOutrun && !holds({ curated, inForce }, this.inForce())) return { kind: 'outrun' };
          continue;
        }
        if (error instanceof DuckError && error.canRetry && ++duckTries >= DUCK_TRIES_MAX) throw error;
        if (!canWaitOut(error)) throw error;
        this.deps.onTrouble(error);
        await this.deps.backoff.wait(++failures, ownership.signal);
      }
    }
  }

  /** A batch as it is under what is in force now: judged again, unless that would change nothing. */
  private async underNewest({ batch, curated, inForce }: Prepared, signal: AbortSignal): Promise<Prepared> {
    const now = this.inForce();
    if (holds({ curated, inForce }, now)) return { batch, curated, inForce: now };
    this.deps.protections.purge(now.keysEpoch);
    // What was set aside unread stays so.
    if (curated.validated.every(isUnread)) return { batch, curated, inForce: now };
    return { batch, curated: await this.untilKeys(signal, () => this.curate(batch, now)), inForce: now };
  }

  private inForce(): InForce {
    const { current } = this.deps.keeper;
    if (!current) throw new Error('nothing may land before the first contracts index has been read');
    return current;
  }

  private async attempt(prepared: Prepared, { signal, ...ownership }: Ownership): Promise<LandResult> {
    const isOutdated = (): boolean => !holds(prepared, this.inForce());
    const whatHolds = async ({ contracts }: InForce): Promise<InForce | null> => {
      // Should that fail, it is waited for outside of the transaction.
      await this.deps.keeper.wake().catch(() => undefined);
      const now = this.inForce();
      return now.contracts.index !== contracts.index && holds(prepared, now) ? now : null;
    };
    try {
      return await this.deps.landBatch(this.deps, { ...prepared, ...ownership, isOutdated, whatHolds });
    } catch (error) {
      if (!(error instanceof UnknownLanding)) throw error;
      this.deps.onTrouble(error);
      await this.deps.failpoint('commit-unknown');
      const number = await this.ask(prepared.batch, error.landed.message.batchId, signal);
      if (number !== null) return { ...error.landed, number };
      // Without a position the transaction may still be under way; its files wait for the collector.
      if (prepared.batch.range) await deleteFiles(this.deps, error.written);
      throw new LandingError('LANDING_UNAVAILABLE', 'the connection broke and the landing did not happen', {
        cause: error,
      });
    }
  }

  private async ask(batch: MicroBatch, batchId: number, signal: AbortSignal): Promise<number | null> {
    for (let failures = 1; ; failures++) {
      await this.deps.backoff.wait(failures, signal);
      try {
        return await this.deps.store.numberOf(batch, batchId);
      } catch (error) {
        if (!canWaitOut(error)) throw error;
      }
    }
  }

  private async refresh(signal: AbortSignal): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.deps.keeper.refresh();
      } catch (error) {
        if (!canWaitOut(error)) throw error;
        this.deps.onTrouble(error);
        await this.deps.backoff.wait(failures, signal);
      }
    }
  }

  /** Quarantines the events that DuckDB refuses; its neighbours are tried again without them. */
  private async setAside(
    curated: Curated,
    { events, places, cause }: Extract<LandResult, { kind: 'unstorable' }>,
  ): Promise<Curated> {
    const storable = (some: readonly Valid[]): Promise<boolean> =>
      this.deps.stager.use((staging) =>
        staging.canStore(
          eventRows(
            curated.rows,
            some.map(({ row }) => row),
            places,
            0,
          ),
        ),
      );
    const bad = new Set<Validated>((await bisect(events, storable)).map((i) => events[i]));
    if (bad.size === 0) throw cause;
    // Not the message: an engine's may quote the value.
    const { code } = cause.cause instanceof DuckError ? cause.cause : cause;
    this.deps.logger.warn({ count: bad.size, code }, 'events that passed every check do not fit their tables');
    return { ...curated, validated: curated.validated.map((event) => (bad.has(event) ? unstorable(event) : event)) };
  }
}

/** Whether what was made of a batch is what would be made of it now. */
function holds({ curated, inForce }: Pick<Prepared, 'curated' | 'inForce'>, now: InForce): boolean {
  return now.keysEpoch === inForce.keysEpoch && judgedAlike(curated.validated, inForce.contracts, now.contracts);
}

function canWaitOut(error: unknown): error is Error {
  return (
    (error instanceof LandingError ||
      error instanceof StorageError ||
      error instanceof DuckError ||
      error instanceof KeyError) &&
    error.canRetry
  );
}
