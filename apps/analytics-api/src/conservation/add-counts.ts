import type { PoolClient } from '@millrace/postgres';

/** What is added to one row of the conservation law. Fates may be taken back: a replay moves them. */
export interface CountDelta {
  readonly tenant: string;
  readonly source: string;
  readonly hour: string;
  readonly received?: number;
  readonly landed?: number;
  readonly duplicate?: number;
  readonly quarantined?: number;
}

/** Rows are locked in the order of their key, so that two transactions that add never wait for each other. */
const ADD = `
  INSERT INTO analytics_api.conservation AS c (tenant, source, hour, received, landed, duplicate, quarantined)
  SELECT tenant, source, hour, sum(received), sum(landed), sum(duplicate), sum(quarantined)
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
         AS t(tenant, source, hour, received, landed, duplicate, quarantined)
   GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant, source, hour) DO UPDATE
     SET received = c.received + EXCLUDED.received, landed = c.landed + EXCLUDED.landed,
         duplicate = c.duplicate + EXCLUDED.duplicate, quarantined = c.quarantined + EXCLUDED.quarantined`;

export async function addCounts(client: Pick<PoolClient, 'query'>, deltas: readonly CountDelta[]): Promise<void> {
  if (deltas.length === 0) return;
  const numbers = (key: 'received' | 'landed' | 'duplicate' | 'quarantined'): number[] =>
    deltas.map((d) => d[key] ?? 0);
  await client.query(ADD, [
    deltas.map((d) => d.tenant),
    deltas.map((d) => d.source),
    deltas.map((d) => d.hour),
    numbers('received'),
    numbers('landed'),
    numbers('duplicate'),
    numbers('quarantined'),
  ]);
}
