import type { ProfileHistory } from '@millrace/contracts/profile';
import type { Pool, PoolClient } from '@millrace/postgres';
import { unnest } from '@millrace/postgres';
import { added, keptAs, keyOf, ofOtherSources } from './observe';
import {
  type InferredContract,
  KINDS_MAX,
  KINDS_READ_MAX,
  type ObservationStore,
  type Observed,
  type ObservedPage,
  TYPES_SHOWN_MAX,
  type UngovernedType,
} from './port';

const KIND = `tenant, event_type, contract, version, source, to_char(day, 'YYYY-MM-DD') AS day, profile`;

const FORGOTTEN_AT_ONCE = 10_000;

/** Folds what was seen into the history, in a transaction that holds the cursor: one at a time. */
export async function foldObserved(client: Pick<PoolClient, 'query'>, observed: readonly Observed[]): Promise<void> {
  if (observed.length === 0) return;
  const known = await find(client, observed);
  const strangers = observed.filter((kind) => !known.has(keyOf(kind)));
  let kept = observed;
  if (strangers.length > 0) {
    const room = await roomOf(client, strangers);
    for (const [key, history] of await find(client, strangers.map(ofOtherSources))) known.set(key, history);
    const folded = new Map<string, Observed>();
    for (const kind of observed) {
      const about = `${kind.tenant}\0${kind.day}`;
      const left = room.get(about) ?? 0;
      const isKnown = (one: Observed): boolean => known.has(keyOf(one)) || folded.has(keyOf(one));
      const row = keptAs(kind, left, isKnown);
      if (!isKnown(row)) room.set(about, left - 1);
      folded.set(keyOf(row), { ...row, history: added(folded.get(keyOf(row))?.history, row.history) });
    }
    kept = [...folded.values()];
    for (const [key, history] of await find(client, kept)) known.set(key, history);
  }
  const rows = kept.map((kind) => ({ ...kind, history: added(known.get(keyOf(kind)), kind.history) }));
  const { sql, values } = unnest(rows, [
    { name: 'tenant', type: 'text', value: (row) => row.tenant },
    { name: 'event_type', type: 'text', value: (row) => row.eventType },
    { name: 'contract', type: 'text', value: (row) => row.contract },
    { name: 'version', type: 'text', value: (row) => row.version },
    { name: 'source', type: 'text', value: (row) => row.source },
    { name: 'day', type: 'date', value: (row) => row.day },
    { name: 'events', type: 'bigint', value: (row) => row.history.events },
    { name: 'first_seen', type: 'timestamptz', value: (row) => row.history.firstSeen },
    { name: 'profile', type: 'jsonb', value: (row) => row.history },
  ]);
  await client.query(
    `INSERT INTO table_manager.observed_events (tenant, event_type, contract, version, source, day, events, first_seen, profile)
     SELECT * FROM ${sql}
     ON CONFLICT (tenant, event_type, contract, version, source, day)
     DO UPDATE SET events = EXCLUDED.events, first_seen = EXCLUDED.first_seen, profile = EXCLUDED.profile`,
    values,
  );
}

async function find(
  client: Pick<PoolClient, 'query'>,
  kinds: readonly Observed[],
): Promise<Map<string, ProfileHistory>> {
  const { sql, values } = unnest(kinds, [
    { name: 'tenant', type: 'text', value: (row) => row.tenant },
    { name: 'event_type', type: 'text', value: (row) => row.eventType },
    { name: 'contract', type: 'text', value: (row) => row.contract },
    { name: 'version', type: 'text', value: (row) => row.version },
    { name: 'source', type: 'text', value: (row) => row.source },
    { name: 'day', type: 'date', value: (row) => row.day },
  ]);
  const { rows } = await client.query(
    `SELECT ${KIND} FROM table_manager.observed_events JOIN ${sql} USING (tenant, event_type, contract, version, source, day)`,
    values,
  );
  return new Map(rows.map(observedOf).map((kind) => [keyOf(kind), kind.history]));
}

/** How many more kinds each tenant may have on each day. */
async function roomOf(client: Pick<PoolClient, 'query'>, strangers: readonly Observed[]): Promise<Map<string, number>> {
  const { rows } = await client.query(
    `SELECT tenant, to_char(day, 'YYYY-MM-DD') AS day, count(*) AS kinds FROM table_manager.observed_events
      WHERE tenant = ANY ($1::text[]) AND day = ANY ($2::date[]) GROUP BY 1, 2`,
    [[...new Set(strangers.map(({ tenant }) => tenant))], [...new Set(strangers.map(({ day }) => day))]],
  );
  const room = new Map(strangers.map(({ tenant, day }) => [`${tenant}\0${day}`, KINDS_MAX]));
  for (const { tenant, day, kinds } of rows) room.set(`${tenant}\0${day}`, KINDS_MAX - Number(kinds));
  return room;
}

/** The history and the book in the service's own schema. */
export class PostgresObservations implements ObservationStore {
  constructor(private readonly pool: Pool) {}

  async withoutContract(governed: readonly string[], tenant?: string): Promise<UngovernedType[]> {
    const { rows } = await this.pool.query(
      `SELECT event_type, array_agg(tenant ORDER BY first_seen) AS tenants, sum(events) AS events, min(first_seen) AS first_seen
         FROM table_manager.observed_events
        WHERE contract = '' AND event_type <> '' AND event_type <> ALL ($1::text[]) AND ($2::text IS NULL OR tenant = $2)
        GROUP BY event_type ORDER BY min(first_seen), event_type LIMIT ${TYPES_SHOWN_MAX}`,
      [governed, tenant ?? null],
    );
    return rows.map((row) => ({
      ...{ eventType: row.event_type, tenants: [...new Set<string>(row.tenants)], events: Number(row.events) },
      firstSeen: (row.first_seen as Date).toISOString(),
    }));
  }

  async ofType(eventType: string): Promise<Observed[]> {
    const { rows } = await this.pool.query(
      `SELECT ${KIND} FROM table_manager.observed_events WHERE contract = '' AND event_type = $1
        ORDER BY observed_events.day DESC LIMIT ${KINDS_READ_MAX}`,
      [eventType],
    );
    return rows.map(observedOf);
  }

  async under(contract: string, version: string): Promise<Observed[]> {
    const { rows } = await this.pool.query(
      `SELECT ${KIND} FROM table_manager.observed_events WHERE contract = $1 AND version = $2
        ORDER BY observed_events.day DESC LIMIT ${KINDS_READ_MAX}`,
      [contract, version],
    );
    return rows.map(observedOf);
  }

  async page({ tenant, contract, version, source, after, limit }: ObservedPage): Promise<Observed[]> {
    const { rows } = await this.pool.query(
      `SELECT ${KIND} FROM table_manager.observed_events
        WHERE tenant = $1 AND contract = $2 AND ($3::text IS NULL OR version = $3) AND ($4::text IS NULL OR source = $4)
          AND ($5::date IS NULL OR day < $5::date
               OR day = $5::date AND (version, source, event_type) > ($6::text, $7::text, $8::text))
        ORDER BY observed_events.day DESC, version, source, event_type LIMIT $9`,
      [
        ...[tenant, contract, version ?? null, source ?? null],
        ...[after?.day ?? null, after?.version ?? null, after?.source ?? null, after?.eventType ?? null, limit],
      ],
    );
    return rows.map(observedOf);
  }

  async forgetBefore(day: string): Promise<number> {
    const { rowCount } = await this.pool.query(
      `DELETE FROM table_manager.observed_events WHERE ctid = ANY (
         ARRAY (SELECT ctid FROM table_manager.observed_events WHERE day < $1::date LIMIT ${FORGOTTEN_AT_ONCE}))`,
      [day],
    );
    return rowCount ?? 0;
  }

  async inferred(): Promise<InferredContract[]> {
    const { rows } = await this.pool.query(`SELECT * FROM table_manager.inferred_contract ORDER BY contract`);
    return rows.map((row) => ({
      ...{ contract: row.contract, eventType: row.event_type, table: row.table_name, tenant: row.tenant },
      sinceIndex: row.since_index === null ? null : Number(row.since_index),
      filledTo: Number(row.filled_to),
      closed: row.closed,
    }));
  }

  async noteInferred({
    contract,
    eventType,
    table,
    tenant,
  }: Pick<InferredContract, 'contract' | 'eventType' | 'table' | 'tenant'>): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `INSERT INTO table_manager.inferred_contract (contract, event_type, table_name, tenant) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING`,
      [contract, eventType, table, tenant],
    );
    return rowCount === 1;
  }

  async noteInForce(contract: string, index: number): Promise<void> {
    await this.pool.query(
      `UPDATE table_manager.inferred_contract SET since_index = $2 WHERE contract = $1 AND since_index IS NULL`,
      [contract, index],
    );
  }

  async noteFilled(contract: string, to: number, closed: boolean): Promise<void> {
    await this.pool.query(
      `UPDATE table_manager.inferred_contract SET filled_to = GREATEST(filled_to, $2), closed = closed OR $3
        WHERE contract = $1`,
      [contract, to, closed],
    );
  }

  async contractsApplied(): Promise<number> {
    const { rows } = await this.pool.query(`SELECT contracts_index FROM table_manager.cursor`);
    return Number(rows[0]?.contracts_index ?? 0);
  }

  async batchIds(from: number, to: number): Promise<number[]> {
    const { rows } = await this.pool.query(
      `SELECT batch_id FROM table_manager.applied_batch WHERE number > $1 AND number <= $2
       UNION SELECT batch_id FROM table_manager.staged_batch WHERE number > $1 AND number <= $2`,
      [from, to],
    );
    return rows.map((row) => Number(row.batch_id));
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a row as pg gives it
const observedOf = (row: any): Observed => ({
  ...{ tenant: row.tenant, eventType: row.event_type, contract: row.contract, version: row.version },
  ...{ source: row.source, day: row.day, history: row.profile as ProfileHistory },
});
