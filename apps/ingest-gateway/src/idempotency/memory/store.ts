import type { Clock } from '@millrace/observability';
import type { Begun, IdempotencyStore, KeyId, StoredAnswer } from '../idempotency';

interface Row {
  requestHash: Buffer;
  lockedUntilMs: number;
  createdMs: number;
  turn: string;
  answer: StoredAnswer | null;
}

export interface MemoryIdempotencyOptions {
  readonly clock: Clock;
  /** A first request under way longer than this is taken for dead, ms. */
  readonly lockMs: number;
  /** Answers are kept this long, ms. */
  readonly ttlMs: number;
}

/** A model of the idempotency keys: each call is one step that nothing comes between. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  private readonly rows = new Map<string, Row>();
  private turns = 0;

  constructor(private readonly options: MemoryIdempotencyOptions) {}

  async begin(id: KeyId, requestHash: Buffer): Promise<Begun> {
    const { clock, lockMs, ttlMs } = this.options;
    const nowMs = clock.now();
    const known = this.rows.get(keyOf(id));
    const expired = known !== undefined && known.createdMs < nowMs - ttlMs;
    const same = known?.requestHash.equals(requestHash) ?? false;
    const dead = known !== undefined && known.answer === null && known.lockedUntilMs < nowMs && same;
    if (!known || expired || dead) {
      const turn = String(++this.turns);
      this.rows.set(keyOf(id), { requestHash, lockedUntilMs: nowMs + lockMs, createdMs: nowMs, turn, answer: null });
      return { outcome: 'first', turn };
    }
    if (!same) return { outcome: 'mismatch' };
    return known.answer ? { outcome: 'replay', answer: known.answer } : { outcome: 'in_flight' };
  }

  async complete(id: KeyId, turn: string, answer: StoredAnswer): Promise<void> {
    const row = this.rows.get(keyOf(id));
    if (row?.turn === turn && row.answer === null) row.answer = answer;
  }

  async abandon(id: KeyId, turn: string): Promise<void> {
    const row = this.rows.get(keyOf(id));
    if (row?.turn === turn && row.answer === null) this.rows.delete(keyOf(id));
  }

  async prune(): Promise<number> {
    const before = this.options.clock.now() - this.options.ttlMs;
    const old = [...this.rows].filter(([, { createdMs }]) => createdMs < before);
    for (const [key] of old) this.rows.delete(key);
    return old.length;
  }
}

const keyOf = ({ tenant, route, key }: KeyId): string => JSON.stringify([tenant, route, key]);
