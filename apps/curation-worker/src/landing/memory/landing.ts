import type { DimensionEntry } from '../../dimensions/model';
import type { Held } from '../../pipeline/dedupe';
import type { UnnumberedBatch } from '../message';
import type {
  Claim,
  Fence,
  Landing,
  ManifestRow,
  PositionMove,
  QuarantineRow,
  ReplayEntry,
  SettledRow,
  WaitingRow,
} from '../port';
import { MemoryReplay } from './replay';
import type { TimeDelta } from '../../windows/deltas';
import { type ClaimState, idOf, type MemoryLandingStore } from './store';

/** One landing: what it does is seen by others at its commit, and what it locks is waited for until its end. */
export class MemoryLanding implements Landing {
  private readonly effects: (() => void)[] = [];
  private readonly claimed = new Map<string, ClaimState>();
  private replay: MemoryReplay | null = null;
  private manifested: ManifestRow | null = null;

  constructor(private readonly store: MemoryLandingStore) {}

  async movePosition(move: PositionMove): Promise<'moved' | 'passed' | 'not_owner' | 'gap'> {
    await this.store.locks.lock(this, idOf(move));
    const position = this.store.state.positions.get(idOf(move));
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
    const { inbox } = this.store.state;
    const keys = messageIds.map((id) => `${topic}/${id}`).sort();
    for (const key of keys) {
      await this.store.locks.lock(this, `inbox/${key}`);
      if (inbox.has(key)) return false;
    }
    this.effects.push(() => keys.forEach((key) => inbox.set(key, batchId)));
    return true;
  }

  async setDimension(entry: DimensionEntry): Promise<boolean> {
    const id = JSON.stringify([entry.tenant, entry.name]);
    await this.store.locks.lock(this, `dimension/${id}`);
    const { dimensions } = this.store.state;
    if ((dimensions.get(id)?.version ?? 0) !== entry.version - 1) return false;
    this.effects.push(() => dimensions.set(id, entry));
    return true;
  }

  async claim(claims: readonly Claim[], batchId: number): Promise<Map<string, Held>> {
    const held = new Map<string, Held>();
    const sorted = [...claims].sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const { key, fingerprint, windowDays, eventDay } of sorted) {
      await this.store.locks.lock(this, `claim/${key}`);
      const holder = this.store.state.claims.get(key);
      if (holder) held.set(key, holder);
      else {
        const keepUntilDay = Math.max(this.store.today(), eventDay) + windowDays;
        this.claimed.set(key, { batchId, fingerprint, keepUntilDay });
      }
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
    const fresh = { status: 'open', healedAs: null, replays: 0, lastFailure: null, mended: null } as const;
    this.effects.push(() => {
      for (const row of rows) this.store.state.quarantine.push({ ...row, ...fresh, id: this.store.rowId() });
    });
  }

  enterReplay(entry: ReplayEntry): Promise<ReadonlySet<number> | 'over'> {
    this.replay = new MemoryReplay(this.store, this, this.effects);
    return this.replay.enter(entry);
  }

  async settleReplay(rows: readonly SettledRow[]): Promise<void> {
    this.replay?.settle(rows);
  }

  async wait(rows: readonly WaitingRow[]): Promise<void> {
    const { state, clock } = this.store;
    this.effects.push(() => {
      for (const row of rows) {
        const id = this.store.rowId();
        const nextMs = clock.now() + row.retryInMs;
        state.waiting.set(id, { ...row, id, attempts: 0, interrupted: 0, nextMs, epoch: null });
      }
    });
  }

  async tally(deltas: readonly TimeDelta[], batchId: number): Promise<void> {
    if (deltas.length > 0) this.effects.push(() => this.store.state.deltas.set(batchId, deltas));
  }

  async manifest(row: ManifestRow): Promise<void> {
    this.manifested = row;
  }

  async commit(fence: Fence): Promise<{ number: number }> {
    const { state, clock } = this.store;
    const number = this.store.takeNumber(fence);
    for (const effect of this.effects) effect();
    for (const [key, claim] of this.claimed) state.claims.set(key, claim);
    if (this.manifested) {
      const row = { ...this.manifested, number, landedMs: clock.now(), stagedDeleted: false };
      state.manifests.set(fence.batchId, row);
      state.outbox.set(number, { message: row.message as UnnumberedBatch, sends: 0, sentMs: null });
    }
    this.store.locks.release(this);
    return { number };
  }

  async rollback(): Promise<void> {
    this.store.locks.release(this);
  }
}
