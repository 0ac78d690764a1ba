import type { Held } from '../../pipeline/dedupe';
import {
  type Claim,
  type Fence,
  type Landing,
  LandingError,
  type LandingStore,
  type Line,
  type ManifestRow,
  type PartitionId,
  type Position,
  type PositionMove,
  type QuarantineRow,
} from '../port';

interface PositionState {
  next: number;
  epoch: number;
  attempts: number;
  tried: number | null;
  suspectTo: number | null;
}

interface State {
  readonly claims: Map<string, { batchId: number; fingerprint: string }>;
  readonly positions: Map<string, PositionState>;
  readonly inbox: Map<string, number>;
  readonly quarantine: QuarantineRow[];
  readonly manifests: Map<number, ManifestRow & { number: number }>;
}

const BATCH_IDS = 32;

const idOf = ({ topic, partition }: PartitionId): string => `${topic}/${partition}`;

/** A model of the landing store: landings run one after the other, everything else at once. */
export class MemoryLandingStore implements LandingStore {
  readonly state: State = {
    claims: new Map(),
    positions: new Map(),
    inbox: new Map(),
    quarantine: [],
    manifests: new Map(),
  };
  private readonly workers = new Map<number, { alive: boolean; acceptedFrom: string | null }>();
  private readonly numbers = { next: 1, contractsIndex: 0, keysEpoch: 0, batchId: 1 };
  private turn: Promise<void> = Promise.resolve();

  async begin(): Promise<Landing> {
    const before = this.turn;
    let end!: () => void;
    this.turn = new Promise((resolve) => (end = resolve));
    await before;
    return new MemoryLanding(this.state, this, end);
  }

  async line(): Promise<Line> {
    const { next, contractsIndex, keysEpoch } = this.numbers;
    return { id: '00000000-0000-4000-8000-000000000000', next, contractsIndex, keysEpoch };
  }

  async adoptContracts(index: number, _windowDaysMin: number): Promise<void> {
    this.numbers.contractsIndex = Math.max(index, this.numbers.contractsIndex);
  }

  async register(_member: string): Promise<number> {
    const epoch = this.workers.size + 1;
    this.workers.set(epoch, { alive: true, acceptedFrom: null });
    return epoch;
  }

  async heartbeat(epoch: number): Promise<boolean> {
    return this.workers.get(epoch)?.alive ?? false;
  }

  async declareDate(epoch: number, date: string): Promise<void> {
    const worker = this.workers.get(epoch);
    if (worker && (worker.acceptedFrom === null || date < worker.acceptedFrom)) worker.acceptedFrom = date;
  }

  async retire(epoch: number): Promise<void> {
    await this.alone(() => {
      const worker = this.workers.get(epoch);
      if (worker) worker.alive = false;
    });
  }

  async take(partition: PartitionId, epoch: number, start: number): Promise<Position> {
    return this.alone(() => {
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
    return this.alone(() => {
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

  numberOf(_partition: PartitionId, batchId: number): Promise<number | null> {
    return this.alone(() => this.state.manifests.get(batchId)?.number ?? null);
  }

  async seen(topic: string, messageIds: readonly string[]): Promise<Set<string>> {
    return new Set(messageIds.filter((id) => this.state.inbox.has(`${topic}/${id}`)));
  }

  /** The model prunes nothing. */
  async pruned(): Promise<null> {
    return null;
  }

  takeNumber({ epoch, contractsIndex, keysEpoch }: Fence): number {
    if (!this.workers.get(epoch)?.alive) throw new LandingError('LANDING_FENCED', `worker epoch ${epoch} is dead`);
    if (this.numbers.contractsIndex !== contractsIndex || this.numbers.keysEpoch !== keysEpoch) {
      throw new LandingError(
        'LANDING_LINE_MOVED',
        `the line has moved on from contracts index ${contractsIndex} and keys epoch ${keysEpoch}`,
      );
    }
    return this.numbers.next++;
  }

  /** What a row lock does in a database: waits for the landing under way. */
  private async alone<T>(change: () => T): Promise<T> {
    const before = this.turn;
    let end!: () => void;
    this.turn = new Promise((resolve) => (end = resolve));
    await before;
    try {
      return change();
    } finally {
      end();
    }
  }
}

class MemoryLanding implements Landing {
  private readonly effects: (() => void)[] = [];
  private readonly claimed = new Map<string, { batchId: number; fingerprint: string }>();
  private manifested: ManifestRow | null = null;
  private open = true;

  constructor(
    private readonly state: State,
    private readonly store: MemoryLandingStore,
    private readonly end: () => void,
  ) {}

  async movePosition(move: PositionMove): Promise<'moved' | 'passed' | 'not_owner' | 'gap'> {
    const position = this.state.positions.get(idOf(move));
    if (position?.epoch !== move.epoch) return 'not_owner';
    if (position.next !== move.from) return position.next >= move.to ? 'passed' : 'gap';
    this.effects.push(() => {
      position.next = move.to;
      position.attempts = 0;
      position.tried = null;
      if (position.suspectTo !== null && position.suspectTo <= move.to) position.suspectTo = null;
    });
    return 'moved';
  }

  async enterInbox(topic: string, messageIds: readonly string[], batchId: number): Promise<boolean> {
    if (messageIds.some((id) => this.state.inbox.has(`${topic}/${id}`))) return false;
    this.effects.push(() => messageIds.forEach((id) => this.state.inbox.set(`${topic}/${id}`, batchId)));
    return true;
  }

  async claim(claims: readonly Claim[], batchId: number): Promise<Map<string, Held>> {
    const held = new Map<string, Held>();
    for (const { key, fingerprint } of claims) {
      const holder = this.state.claims.get(key);
      if (holder) held.set(key, holder);
      else this.claimed.set(key, { batchId, fingerprint });
    }
    return held;
  }

  async keepAlive(): Promise<void> {
    // Nobody here gives up on a landing.
  }

  async release(keys: readonly string[], _batchId: number): Promise<void> {
    for (const key of keys) this.claimed.delete(key);
  }

  async quarantine(rows: readonly QuarantineRow[]): Promise<void> {
    this.effects.push(() => this.state.quarantine.push(...rows));
  }

  async manifest(row: ManifestRow): Promise<void> {
    this.manifested = row;
  }

  async commit(fence: Fence): Promise<{ number: number }> {
    const number = this.store.takeNumber(fence);
    for (const effect of this.effects) effect();
    for (const [key, claim] of this.claimed) this.state.claims.set(key, claim);
    if (this.manifested) this.state.manifests.set(fence.batchId, { ...this.manifested, number });
    this.close();
    return { number };
  }

  async rollback(): Promise<void> {
    this.close();
  }

  private close(): void {
    if (this.open) this.end();
    this.open = false;
  }
}
