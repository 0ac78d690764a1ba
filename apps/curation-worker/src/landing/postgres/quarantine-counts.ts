import { type PoolClient, unnest } from '@millrace/postgres';
import type { QuarantineCause } from '../port';
import { storable, storableOrNull } from './text';

/** What is added to the counters of a group and source. */
export interface CountDelta extends Pick<
  QuarantineCause,
  'groupId' | 'reason' | 'groupRule' | 'groupPath' | 'contract' | 'groupEventType'
> {
  readonly tenant: string;
  readonly source: string;
  readonly open: number;
  readonly total: number;
}

/** Adds rows to the counters: nothing is locked, so no landing waits for another one with the same cause. */
export async function addCounts(client: Pick<PoolClient, 'query'>, deltas: readonly CountDelta[]): Promise<void> {
  const rows = [...summed(deltas)];
  if (rows.length === 0) return;
  const { sql, values } = unnest(rows, [
    { name: 'tenant', type: 'text', value: (row) => storable(row.tenant) },
    { name: 'group_id', type: 'text', value: (row) => row.groupId },
    { name: 'source', type: 'text', value: (row) => storable(row.source) },
    { name: 'reason', type: 'text', value: (row) => row.reason },
    { name: 'rule', type: 'text', value: (row) => storable(row.groupRule) },
    { name: 'path', type: 'text', value: (row) => storable(row.groupPath) },
    { name: 'contract', type: 'text', value: (row) => row.contract },
    { name: 'event_type', type: 'text', value: (row) => storableOrNull(row.groupEventType) },
    { name: 'open', type: 'bigint', value: (row) => row.open },
    { name: 'total', type: 'bigint', value: (row) => row.total },
  ]);
  await client.query(
    `INSERT INTO curation_worker.quarantine_count
            (tenant, group_id, source, reason, rule, path, contract, event_type, open, total) SELECT * FROM ${sql}`,
    values,
  );
}

function* summed(deltas: readonly CountDelta[]): Generator<CountDelta> {
  const sums = new Map<string, { first: CountDelta; open: number; total: number }>();
  for (const delta of deltas) {
    const key = JSON.stringify([delta.tenant, delta.groupId, delta.source]);
    const sum = sums.get(key);
    if (sum) {
      sum.open += delta.open;
      sum.total += delta.total;
    } else sums.set(key, { first: delta, open: delta.open, total: delta.total });
  }
  for (const { first, open, total } of sums.values()) if (open !== 0 || total !== 0) yield { ...first, open, total };
}
