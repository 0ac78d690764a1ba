import type { PrismaClient } from '../generated/prisma/client';
import type { QuarantineGroup } from './grouping';

/** One quarantined item; `raw` are its bytes exactly as they came. */
export interface QuarantinedItem {
  readonly id: bigint;
  readonly groupId: string;
  readonly status: string;
  readonly reason: string;
  readonly rule: string;
  readonly path: string;
  readonly contract: string | null;
  readonly contractVersion: string | null;
  readonly eventType: string | null;
  readonly eventId: string | null;
  readonly tenant: string;
  readonly source: string;
  readonly acceptedAt: Date;
  readonly quarantinedAt: Date;
  readonly attempts: number;
  readonly batchId: bigint;
  readonly rawPart: string;
  readonly rawLine: number;
  readonly raw: Uint8Array;
}

export interface GroupSummary extends QuarantineGroup {
  readonly groupId: string;
  readonly count: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** The oldest item of the group. */
  readonly sample: QuarantinedItem;
}

const ITEM = {
  ...{
    id: true,
    groupId: true,
    status: true,
    reason: true,
    rule: true,
    path: true,
    contract: true,
    contractVersion: true,
  },
  ...{
    eventType: true,
    eventId: true,
    tenant: true,
    source: true,
    acceptedAt: true,
    quarantinedAt: true,
    attempts: true,
  },
  ...{ batchId: true, rawPart: true, rawLine: true, raw: true },
} as const;

const OPEN = { status: 'open' } as const;

/** What people see of the quarantine. Writing it is the landing's. */
export class QuarantineReader {
  constructor(private readonly prisma: PrismaClient) {}

  /** Groups of a tenant's open items, largest first. Reads the index of the groups, and one row of each. */
  async groups(tenant: string, limit: number): Promise<GroupSummary[]> {
    const found = await this.prisma.quarantine.groupBy({
      by: ['groupId'],
      where: { ...OPEN, tenant },
      _count: { _all: true },
      _min: { id: true, quarantinedAt: true },
      _max: { quarantinedAt: true },
      orderBy: [{ _count: { groupId: 'desc' } }, { groupId: 'asc' }],
      take: limit,
    });
    const ids = found.map((group) => group._min.id as bigint);
    const samples = await this.prisma.quarantine.findMany({
      where: { id: { in: ids } },
      select: { ...ITEM, groupRule: true, groupPath: true, groupEventType: true },
    });
    const sampleOf = new Map(samples.map((sample) => [sample.groupId, sample]));
    return found.flatMap((group): GroupSummary[] => {
      const sample = sampleOf.get(group.groupId);
      // A group whose last item was replayed between the two reads is gone.
      if (!sample) return [];
      const { groupId, reason, groupRule: rule, groupPath: path, contract, groupEventType: eventType } = sample;
      const seen = { firstSeen: group._min.quarantinedAt as Date, lastSeen: group._max.quarantinedAt as Date };
      return [{ groupId, reason, rule, path, contract, eventType, count: group._count._all, ...seen, sample }];
    });
  }

  /** A tenant's open items after `after`, oldest first. */
  items(tenant: string, groupId: string | null, after: bigint, limit: number): Promise<QuarantinedItem[]> {
    const where = { ...OPEN, tenant, id: { gt: after }, ...(groupId === null ? {} : { groupId }) };
    return this.prisma.quarantine.findMany({ where, orderBy: { id: 'asc' }, take: limit, select: ITEM });
  }
}
