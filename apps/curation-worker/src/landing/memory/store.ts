import { type Clock, systemClock } from '@millrace/observability';
import type { DimensionEntry } from '../../dimensions/model';
import type { Held } from '../../pipeline/dedupe';
import type { UnnumberedBatch } from '../message';
import type { TimeDelta } from '../../windows/deltas';
import {
  type Fence,
  type Landing,
  LandingError,
  type LandingStore,
  type Line,
  type ManifestRow,
  type PartitionId,
  type Position,
  type PrunedClaims,
  type QuarantineRow,
  type SettledRow,
  type WaitingRow,
} from '../port';
import type { Job } from '../../replay/port';
import { MemoryLanding } from './landing';
import { RowLocks } from './row-locks';

export interface PositionState {
  next: number;
  epoch: number;
  attempts: number;
  tried: number | null;
  suspectTo: number | null;
}

export interface WorkerState {
  alive: boolean;
  heartbeatMs: number;
  acceptedFrom: string | null;
  endedMs: number | null;
  collected: boolean;
}

export interface LandedState extends ManifestRow {
  readonly number: number;
  readonly landedMs: number;
  stagedDeleted: boolean;
}

export interface QuarantineState extends QuarantineRow {
  readonly id: number;
  status: 'open' | 'replayed';
  healedAs: 'landed' | 'duplicate' | null;
  replays: number;
  lastFailure: string | null;
  mended: SettledRow['mended'];
}

export interface JobState extends Mutable<Job> {
  epoch: number | null;
  triedTo: number | null;
}

export interface WaitingState extends Mutable<WaitingRow> {
  readonly id: number;
  attempts: number;
  interrupted: number;
  nextMs: number;
  epoch: number | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface ClaimState {
  readonly batchId: number;
  readonly fingerprint: string;
  /** Days since 1970. */
  readonly keepUntilDay: number;
}

export interface PruningState {
  /** Days since 1970: claims that are to be kept until an earlier one may be gone, or are. */
  prunedTo: number | null;
  deletedTo: number | null;
  advancedDay: number | null;
  advancedMs: number;
  windowDaysMin: number;
}

/** The rows of the store, as a database has them after the last commit. */
export interface State {
  readonly claims: Map<string, ClaimState>;
  /** What may be gone of them. */
  readonly pruning: PruningState;
  readonly positions: Map<string, PositionState>;
  readonly inbox: Map<string, number>;
  readonly quarantine: QuarantineState[];
  readonly jobs: Map<string, JobState>;
  readonly waiting: Map<number, WaitingState>;
  readonly manifests: Map<number, LandedState>;
  /** By batch, until they are folded. */
  readonly deltas: Map<number, readonly TimeDelta[]>;
  readonly workers: Map<number, WorkerState>;
  /** Numbers that have not been taken up, as far as is known. */
  readonly outbox: Map<number, { readonly message: UnnumberedBatch; sends: number; sentMs: number | null }>;
  readonly progress: Map<string, { number: number; atMs: number }>;
  /** By tenant and name, as JSON. */
  readonly dimensions: Map<string, DimensionEntry>;
}

export interface MemoryLandingOptions {
  /** The store's own clock; default this machine's. */
  readonly clock?: Clock;
  readonly lineId?: string;
  /** The calendar of claims, in days since 1970; default that of the clock. */
  readonly today?: () => number;
}

const DAY_MS = 86_400_000;
const WINDOW_DAYS = 30;

const BATCH_IDS = 32;

export const dateOfDay = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export const idOf = ({ topic, partition }: PartitionId): string => `${topic}/${partition}`;

/** A model of the landing store: landings run side by side and wait for each other where rows of a database would. */
export class MemoryLandingStore implements LandingStore {
  readonly state: State = {
    claims: new Map(),
    pruning: { prunedTo: null, deletedTo: null, advancedDay: null, advancedMs: 0, windowDaysMin: WINDOW_DAYS },
    positions: new Map(),
    inbox: new Map(),
    quarantine: [],
    jobs: new Map(),
    waiting: new Map(),
    manifests: new Map(),
    deltas: new Map(),
    workers: new Map(),
    outbox: new Map(),
    progress: new Map(),
    dimensions: new Map(),
  };
  readonly locks = new RowLocks();
  readonly clock: Clock;
  readonly lineId: string;
  readonly today: () => number;
  private readonly numbers = { next: 1, contractsIndex: 0, keysEpoch: 0, batchId: 1, row: 1 };

  constructor(options: MemoryLandingOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.today = options.today ?? (() => Math.floor(this.clock.now() / DAY_MS));
    this.lineId = options.lineId ?? '00000000-0000-4000-8000-000000000000';
  }

  async begin(): Promise<Landing> {
    return new MemoryLanding(this);
  }

  async line(): Promise<Line> {
    const { next, contractsIndex, keysEpoch } = this.numbers;
    return { id: this.lineId, next, contractsIndex, keysEpoch };
  }

  async adoptContracts(index: number, windowDaysMin: number): Promise<void> {
    const { pruning } = this.state;
    pruning.windowDaysMin = Math.min(windowDaysMin, pruning.windowDaysMin);
    this.numbers.contractsIndex = Math.max(index, this.numbers.contractsIndex);
  }

  async register(_member: string): Promise<number> {
    const { workers } = this.state;
    const epoch = workers.size + 1;
    workers.set(epoch, {
      ...{ alive: true, acceptedFrom: null, endedMs: null, collected: false },
      heartbeatMs: this.clock.now(),
    });
    return epoch;
  }

  async heartbeat(epoch: number): Promise<boolean> {
    const worker = this.state.workers.get(epoch);
    if (!worker?.alive) return false;
    worker.heartbeatMs = this.clock.now();
    return true;
  }

  async declareDate(epoch: number, date: string): Promise<void> {
    const worker = this.state.workers.get(epoch);
    if (worker && (worker.acceptedFrom === null || date < worker.acceptedFrom)) worker.acceptedFrom = date;
  }

  /** A commit is one step here: there is none under way to wait for. */
  async retire(epoch: number): Promise<void> {
    const worker = this.state.workers.get(epoch);
    if (worker?.alive) Object.assign(worker, { alive: false, endedMs: this.clock.now() });
  }

  async take(partition: PartitionId, epoch: number, start: number): Promise<Position> {
    return this.locked(partition, () => {
      const known = this.state.positions.get(idOf(partition));
      const position = known ?? { next: start, epoch, attempts: 0, tried: null, suspectTo: null };
      if (known) {
        if (known.attempts === 0 || known.tried !== null) known.attempts++;
        if (known.tried !== null) known.suspectTo = known.next + known.tried;
        known.epoch = epoch;
        known.tried = null;
      } else this.state.positions.set(idOf(partition), position);
      const { next, attempts, suspectTo } = position;
      return { next, attempts, suspectTo };
    });
  }

  async note(partition: PartitionId, epoch: number, from: number, events: number): Promise<boolean> {
    return this.locked(partition, () => {
      const position = this.state.positions.get(idOf(partition));
      if (position?.epoch !== epoch || position.next !== from) return false;
      position.tried = events;
      return true;
    });
  }

  async batchIds(): Promise<{ first: number; count: number }> {
    const first = this.numbers.batchId;
    this.numbers.batchId += BATCH_IDS;
    return { first, count: BATCH_IDS };
  }

  numberOf(partition: PartitionId, batchId: number): Promise<number | null> {
    return this.locked(partition, () => this.state.manifests.get(batchId)?.number ?? null);
  }

  async seen(topic: string, messageIds: readonly string[]): Promise<Set<string>> {
    return new Set(messageIds.filter((id) => this.state.inbox.has(`${topic}/${id}`)));
  }

  async held(keys: readonly string[]): Promise<Map<string, Held>> {
    const found = new Map<string, Held>();
    for (const key of keys) {
      const holder = this.state.claims.get(key);
      if (holder) found.set(key, holder);
    }
    return found;
  }

  async dimensions(): Promise<DimensionEntry[]> {
    return [...this.state.dimensions.values()];
  }

  async dimension(tenant: string, name: string): Promise<DimensionEntry | null> {
    return this.state.dimensions.get(JSON.stringify([tenant, name])) ?? null;
  }

  async pruned(): Promise<PrunedClaims | null> {
    const { prunedTo, windowDaysMin } = this.state.pruning;
    if (prunedTo === null) return null;
    return { to: dateOfDay(prunedTo), windowDaysMin };
  }

  /** Identity of a new row. */
  rowId(): number {
    return this.numbers.row++;
  }

  /** Landings that worked with the keys of before no longer commit. */
  bumpKeysEpoch(): void {
    this.numbers.keysEpoch++;
  }

  takeNumber({ epoch, contractsIndex, keysEpoch }: Fence): number {
    if (!this.state.workers.get(epoch)?.alive)
      throw new LandingError('LANDING_FENCED', `worker epoch ${epoch} is dead`);
    if (this.numbers.contractsIndex !== contractsIndex || this.numbers.keysEpoch !== keysEpoch) {
      throw new LandingError(
        'LANDING_LINE_MOVED',
        `the line has moved on from contracts index ${contractsIndex} and keys epoch ${keysEpoch}`,
      );
    }
    return this.numbers.next++;
  }

  /** A statement of its own on a partition's row: waits for the landing that holds it. */
  private async locked<T>(partition: PartitionId, change: () => T): Promise<T> {
    const owner = {};
    await this.locks.lock(owner, idOf(partition));
    try {
      return change();
    } finally {
      this.locks.release(owner);
    }
  }
}
