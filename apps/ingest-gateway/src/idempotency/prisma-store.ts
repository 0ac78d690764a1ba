import type { PrismaClient } from '../generated/prisma/client';
import type { Begun, IdempotencyKeyId, IdempotencyStore } from './idempotency';

export interface PrismaIdempotencyOptions {
  /** A first request under way longer than this is taken for dead, ms. */
  readonly lockMs: number;
  /** Answers are kept this long, ms. */
  readonly ttlMs: number;
  readonly now: () => number;
}

/** Idempotency keys in the service's own Postgres schema. */
export class PrismaIdempotencyStore implements IdempotencyStore {
  constructor(
    private readonly prisma: PrismaClient,
    private readonly options: PrismaIdempotencyOptions,
  ) {}

  async begin(id: IdempotencyKeyId, requestHash: Buffer): Promise<Begun> {
    const now = this.options.now();
    const lockedUntil = new Date(now + this.options.lockMs);
    const { count } = await this.prisma.idempotencyKey.createMany({
      data: [{ ...id, requestHash: new Uint8Array(requestHash), lockedUntil }],
      skipDuplicates: true,
    });
    if (count === 1) return { outcome: 'first' };
    const row = await this.prisma.idempotencyKey.findUnique({ where: { tenant_route_key: id } });
    if (!row) return { outcome: 'in_flight', retryAfterSeconds: 1 }; // removed between the two statements
    if (!requestHash.equals(row.requestHash)) return { outcome: 'mismatch' };
    if (row.status !== null) return { outcome: 'replay', answer: { status: row.status, body: row.body ?? '' } };
    if (row.lockedUntil.getTime() > now) {
      return { outcome: 'in_flight', retryAfterSeconds: Math.max(1, Math.ceil((row.lockedUntil.getTime() - now) / 1000)) };
    }
    const taken = await this.prisma.idempotencyKey.updateMany({
      where: { ...id, status: null, lockedUntil: row.lockedUntil },
      data: { lockedUntil },
    });
    return taken.count === 1 ? { outcome: 'first' } : { outcome: 'in_flight', retryAfterSeconds: 1 };
  }

  async complete(id: IdempotencyKeyId, answer: { status: number; body: string }): Promise<void> {
    await this.prisma.idempotencyKey.updateMany({ where: { ...id }, data: answer });
  }

  async abandon(id: IdempotencyKeyId): Promise<void> {
    await this.prisma.idempotencyKey.deleteMany({ where: { ...id, status: null } });
  }

  async prune(): Promise<number> {
    const before = new Date(this.options.now() - this.options.ttlMs);
    const { count } = await this.prisma.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } });
    return count;
  }
}
