import type { Pool } from '@millrace/postgres';
import { conditionsOf } from '../replay/selection';
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
  /** Replays that left it here, or healed it. */
  readonly replays: number;
  /** Why the last one left it here without finding out what is wrong with it. */
  readonly lastFailure: string | null;
  /** The version of it that the last replay tried. */
  readonly recipe: string | null;
  readonly mendedPart: string | null;
  readonly mendedLine: number | null;
  readonly healedAs: string | null;
  readonly healedAt: Date | null;
  readonly healedBatch: bigint | null;
  readonly raw: Uint8Array;
  /** Id of the key that `raw` is sealed under (see sealed-item.ts); null for an item in clear. */
  readonly sealedBy: string | null;
  /** That key was destroyed by an erasure: nobody can read the item any more. */
  readonly erased: boolean;
}

export interface GroupSummary extends QuarantineGroup {
  readonly groupId: string;
  /** Open items. */
  readonly count: number;
  /** Items that were ever in it. */
  readonly total: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** Those with most open items. */
  readonly sources: readonly { readonly source: string; readonly count: number }[];
  /** The oldest open items. */
  readonly samples: readonly QuarantinedItem[];
}

export const ITEM_COLUMNS = `id, group_id AS "groupId", status, reason, rule, path, contract, contract_version AS "contractVersion",
  event_type AS "eventType", event_id AS "eventId", tenant, source, accepted_at AS "acceptedAt", quarantined_at AS "quarantinedAt",
  attempts, batch_id AS "batchId", raw_part AS "rawPart", raw_line AS "rawLine", replays, last_failure AS "lastFailure", recipe,
  mended_part AS "mendedPart", mended_line AS "mendedLine", healed_as AS "healedAs", healed_at AS "healedAt",
  healed_batch AS "healedBatch", raw, sealed_by AS "sealedBy",
  EXISTS (SELECT FROM curation_worker.destroyed_key WHERE seal_id = sealed_by) AS erased`;

const SAMPLES_MAX = 3;
const SOURCES_MAX = 20;

/** Sums of counters, and the ids of a few rows of each group; nothing here grows with what is in quarantine. */
const GROUPS = `
  SELECT g.*, s.sources, i.ids FROM (
    SELECT group_id, min(reason) AS reason, min(rule) AS rule, min(path) AS path, min(contract) AS contract,
           min(event_type) AS event_type, sum(open) AS open, sum(total) AS total, min(first_seen) AS first_seen,
           max(last_seen) AS last_seen
      FROM curation_worker.quarantine_count WHERE tenant = $1 AND ($3::text IS NULL OR group_id = $3)
     GROUP BY group_id HAVING sum(open) > 0 ORDER BY sum(open) DESC, group_id LIMIT $2) g
  CROSS JOIN LATERAL (
    SELECT json_agg(json_build_object('source', source, 'count', open) ORDER BY open DESC, source) AS sources FROM (
      SELECT source, sum(open) AS open FROM curation_worker.quarantine_count c
       WHERE c.tenant = $1 AND c.group_id = g.group_id GROUP BY source HAVING sum(open) > 0
       ORDER BY 2 DESC, 1 LIMIT ${SOURCES_MAX}) c) s
  CROSS JOIN LATERAL (
    SELECT array_agg(id ORDER BY id) AS ids FROM (
      SELECT id FROM curation_worker.quarantine q
       WHERE q.tenant = $1 AND q.group_id = g.group_id AND q.status = 'open' ORDER BY id LIMIT ${SAMPLES_MAX}) q) i
   ORDER BY g.open DESC, g.group_id`;

/** Rows of one group and source become one: each is deleted by one transaction only, and its counts are in the sum. */
const COMPACT = `
  WITH many AS (
    SELECT tenant, group_id, source FROM curation_worker.quarantine_count
     GROUP BY 1, 2, 3 HAVING count(*) > 1 ORDER BY 1, 2, 3 LIMIT $1
  ), gone AS (
    DELETE FROM curation_worker.quarantine_count c USING many m
     WHERE c.tenant = m.tenant AND c.group_id = m.group_id AND c.source = m.source RETURNING c.*
  )
  INSERT INTO curation_worker.quarantine_count
         (tenant, group_id, source, reason, rule, path, contract, event_type, open, total, first_seen, last_seen)
  SELECT tenant, group_id, source, min(reason), min(rule), min(path), min(contract), min(event_type), sum(open), sum(total),
         min(first_seen), max(last_seen)
    FROM gone GROUP BY 1, 2, 3`;

const COMPACTED_AT_ONCE = 1_000;

/** What people see of the quarantine. Writing it is the landing's. */
export class QuarantineReader {
  constructor(private readonly pool: Pick<Pool, 'query'>) {}

  /** Groups of a tenant's open items, largest first; or one of them. */
  async groups(tenant: string, limit: number, group: string | null = null): Promise<GroupSummary[]> {
    const { rows } = await this.pool.query(GROUPS, [tenant, limit, group]);
    const found = rows as Record<string, unknown>[];
    const ids = found.flatMap((row) => (row['ids'] as string[] | null) ?? []);
    const samples = await this.byIds(ids);
    return found.map((row) => ({
      groupId: String(row['group_id']),
      reason: String(row['reason']),
      rule: String(row['rule']),
      path: String(row['path']),
      contract: row['contract'] as string | null,
      eventType: row['event_type'] as string | null,
      count: Number(row['open']),
      total: Number(row['total']),
      firstSeen: row['first_seen'] as Date,
      lastSeen: row['last_seen'] as Date,
      sources: (row['sources'] as GroupSummary['sources'] | null) ?? [],
      samples: ((row['ids'] as string[] | null) ?? []).flatMap((id) => samples.get(id) ?? []),
    }));
  }

  /** A tenant's open items after `after`, oldest first. */
  async items(tenant: string, group: string | null, after: bigint, limit: number): Promise<QuarantinedItem[]> {
    const { sql, values } = conditionsOf(tenant, group === null ? {} : { group }, 3);
    const { rows } = await this.pool.query(
      `SELECT ${ITEM_COLUMNS} FROM curation_worker.quarantine WHERE ${sql} AND id > $1 ORDER BY id LIMIT $2`,
      [after, limit, ...values],
    );
    return rows as QuarantinedItem[];
  }

  /** Adds up counters. */
  async compact(signal: AbortSignal): Promise<void> {
    for (let count = 1; count > 0 && !signal.aborted;)
      count = (await this.pool.query(COMPACT, [COMPACTED_AT_ONCE])).rowCount ?? 0;
  }

  private async byIds(ids: readonly string[]): Promise<ReadonlyMap<string, QuarantinedItem>> {
    if (ids.length === 0) return new Map();
    const { rows } = await this.pool.query(
      `SELECT ${ITEM_COLUMNS} FROM curation_worker.quarantine WHERE id = ANY($1::bigint[])`,
      [ids],
    );
    return new Map((rows as QuarantinedItem[]).map((row) => [String(row.id), row]));
  }
}
