import { type Pool, transaction, unnest } from '@millrace/postgres';
import { storable } from '../landing/postgres/text';
import type { TypeStats } from '../landing/port';

export interface Totals {
  /** Landed, and duplicates of what has. */
  readonly processed: number;
  /** From durable to landed, on average of these; 0 while there are none. */
  readonly averageSeconds: number;
  /** Largest first. */
  readonly byType: readonly { readonly eventType: string; readonly count: number }[];
}

const BATCHES_AT_ONCE = 1_000;
/** Event types that a tenant is counted by; further ones are one. */
const TYPES_MAX = 1_000;
const TYPES_SHOWN = 100;
const OTHERS = '_other';

const ADD = (sql: string): string => `
  INSERT INTO curation_worker.type_total AS t (tenant, event_type, landed, duplicate, quarantined, seconds)
  SELECT * FROM ${sql} ORDER BY tenant, event_type
  ON CONFLICT (tenant, event_type) DO UPDATE
     SET landed = t.landed + EXCLUDED.landed, duplicate = t.duplicate + EXCLUDED.duplicate,
         quarantined = t.quarantined + EXCLUDED.quarantined, seconds = t.seconds + EXCLUDED.seconds`;

/** What was ever processed, added up from what landed batches say of themselves: no landing waits for a counter. */
export class EventTotals {
  constructor(private readonly pool: Pool) {}

  async read(tenant: string): Promise<Totals> {
    while (await this.addUp());
    const { rows } = await this.pool.query(
      `SELECT event_type, landed + duplicate + quarantined AS count, landed + duplicate AS processed, seconds
         FROM curation_worker.type_total WHERE tenant = $1 ORDER BY 2 DESC, 1`,
      [tenant],
    );
    const all = rows as { event_type: string; count: string; processed: string; seconds: number }[];
    const processed = all.reduce((sum, row) => sum + Number(row.processed), 0);
    const seconds = all.reduce((sum, row) => sum + row.seconds, 0);
    return {
      processed,
      averageSeconds: processed === 0 ? 0 : seconds / processed,
      byType: all
        .slice(0, TYPES_SHOWN)
        .map(({ event_type: eventType, count }) => ({ eventType, count: Number(count) })),
    };
  }

  /** Adds up some batches. Returns whether there may be more. Their order is the line's, so one number says how far. */
  addUp(): Promise<boolean> {
    return transaction(this.pool, async (client) => {
      const { rows: progress } = await client.query('SELECT totalled FROM curation_worker.progress FOR UPDATE');
      const from = Number((progress[0] as { totalled: string }).totalled);
      const { rows } = await client.query(
        'SELECT number, stats FROM curation_worker.manifest WHERE number > $1 ORDER BY number LIMIT $2',
        [from, BATCHES_AT_ONCE],
      );
      const batches = rows as { number: string; stats: TypeStats[] | null }[];
      if (batches.length === 0) return false;
      const known = await client.query('SELECT tenant, event_type FROM curation_worker.type_total');
      const sums = sumOf(
        batches.flatMap(({ stats }) => stats ?? []),
        known.rows as { tenant: string; event_type: string }[],
      );
      if (sums.length > 0) {
        const { sql, values } = unnest(sums, COLUMNS);
        await client.query(ADD(sql), values);
      }
      await client.query('UPDATE curation_worker.progress SET totalled = $1', [batches[batches.length - 1].number]);
      return batches.length === BATCHES_AT_ONCE;
    });
  }
}

const COLUMNS: Parameters<typeof unnest<TypeStats>>[1] = [
  { name: 'tenant', type: 'text', value: ([tenant]) => tenant },
  { name: 'event_type', type: 'text', value: ([, eventType]) => eventType },
  { name: 'landed', type: 'bigint', value: ([, , landed]) => landed },
  { name: 'duplicate', type: 'bigint', value: ([, , , duplicate]) => duplicate },
  { name: 'quarantined', type: 'bigint', value: ([, , , , quarantined]) => quarantined },
  { name: 'seconds', type: 'double precision', value: ([, , , , , seconds]) => seconds },
];

/** Sums by tenant and type; a tenant with too many types has the new ones counted together. */
function sumOf(
  stats: readonly TypeStats[],
  known: readonly { readonly tenant: string; readonly event_type: string }[],
): TypeStats[] {
  const types = new Map<string, Set<string>>();
  const typesOf = (tenant: string): Set<string> => {
    let found = types.get(tenant);
    if (!found) types.set(tenant, (found = new Set()));
    return found;
  };
  for (const { tenant, event_type: eventType } of known) typesOf(tenant).add(eventType);
  const sums = new Map<string, TypeStats>();
  for (const [tenant, named, landed, duplicate, quarantined, seconds] of stats) {
    const own = typesOf(tenant);
    const name = storable(named);
    const eventType = own.has(name) || own.size < TYPES_MAX ? name : OTHERS;
    own.add(eventType);
    const key = JSON.stringify([tenant, eventType]);
    const [, , l, d, q, s] = sums.get(key) ?? [tenant, eventType, 0, 0, 0, 0];
    sums.set(key, [tenant, eventType, l + landed, d + duplicate, q + quarantined, s + seconds]);
  }
  return [...sums.values()];
}
