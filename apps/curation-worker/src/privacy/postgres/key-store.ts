import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { landingErrors } from '../../landing/postgres/errors';
import { sealId } from '../subject-keys';
import type { KeyStore, LakeKeyRow, LakePurpose, NewSubjectKey, SubjectKeyRow } from '../key-store';

/** In the order of the lookups, so that two workers never wait for each other; a key that is there stays as it is. */
const ENSURE = `
  INSERT INTO curation_worker.subject_key (lookup, tenant, wrap_id, wrapped)
  SELECT lookup, tenant, wrap_id, wrapped
    FROM unnest($1::bytea[], $2::text[], $3::int4[], $4::bytea[]) AS t (lookup, tenant, wrap_id, wrapped)
   ORDER BY lookup
  ON CONFLICT DO NOTHING`;

const COLUMNS = `encode(lookup, 'hex') AS lookup, id, tenant, wrap_id, wrapped`;

const ADD_LAKE_KEY = `
  INSERT INTO curation_worker.lake_key (purpose, wrapped_by, wrapped)
  SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM curation_worker.lake_key WHERE purpose = $1)`;

/** Also where no key was found: a worker may be about to land with one that it has just made. */
export const BUMP_KEYS_EPOCH =
  'UPDATE curation_worker.line SET keys_epoch = keys_epoch + 1 RETURNING id, next, keys_epoch';

/** Destroys keys within a transaction that also moves the keys epoch on. Returns their ids. */
export async function destroyKeys(
  client: Pick<PoolClient, 'query'>,
  lookups: readonly string[],
  erasureId: string,
): Promise<number[]> {
  const { rows } = await client.query(
    'DELETE FROM curation_worker.subject_key WHERE lookup = ANY($1::bytea[]) RETURNING id',
    [lookups.map((lookup) => Buffer.from(lookup, 'hex'))],
  );
  const ids = (rows as { id: string }[]).map(({ id }) => Number(id));
  await client.query(
    `INSERT INTO curation_worker.destroyed_key (id, seal_id, erasure_id)
     SELECT id, seal_id, $3 FROM unnest($1::bigint[], $2::text[]) AS t (id, seal_id)`,
    [ids, ids.map(sealId), erasureId],
  );
  return ids;
}

/** Of advisory locks: whoever makes keys of the lake does so alone. */
const LAKE_KEY_LOCK = 7_203_301;

/** Keys in Postgres. Rejects with a LandingError, as landings do. */
export class PostgresKeyStore implements KeyStore {
  constructor(private readonly pool: Pool) {}

  async lakeKeys(): Promise<LakeKeyRow[]> {
    const rows = await this.rows('SELECT id, purpose, wrapped_by, wrapped FROM curation_worker.lake_key ORDER BY id');
    return rows.map((row) => ({
      id: Number(row['id']),
      purpose: row['purpose'] as LakePurpose,
      by: row['wrapped_by'] as string,
      wrapped: row['wrapped'] as Buffer,
    }));
  }

  async addLakeKey({ purpose, by, wrapped }: Omit<LakeKeyRow, 'id'>): Promise<void> {
    await landingErrors(
      transaction(this.pool, async (client) => {
        await client.query('SELECT pg_advisory_xact_lock($1)', [LAKE_KEY_LOCK]);
        await client.query(ADD_LAKE_KEY, [purpose, by, wrapped]);
      }),
    );
  }

  async ensure(keys: readonly NewSubjectKey[]): Promise<SubjectKeyRow[]> {
    if (keys.length === 0) return [];
    const lookups = keys.map(({ lookup }) => lookup);
    // Most subjects are known: looking first writes nothing.
    const found = await this.find(lookups);
    if (found.length === keys.length) return found;
    const known = new Set(found.map(({ lookup }) => lookup));
    const absent = keys.filter(({ lookup }) => !known.has(lookup));
    await this.rows(ENSURE, [
      absent.map(({ lookup }) => Buffer.from(lookup, 'hex')),
      absent.map(({ tenant }) => tenant),
      absent.map(({ wrapId }) => wrapId),
      absent.map(({ wrapped }) => wrapped),
    ]);
    const made = await this.find(absent.map(({ lookup }) => lookup));
    // One destroyed between the two statements is made anew by whoever tries again.
    return made.length === absent.length ? [...found, ...made] : this.ensure(keys);
  }

  async find(lookups: readonly string[]): Promise<SubjectKeyRow[]> {
    return this.subjects('lookup = ANY($1::bytea[])', [lookups.map((lookup) => Buffer.from(lookup, 'hex'))]);
  }

  async byIds(ids: readonly number[]): Promise<SubjectKeyRow[]> {
    return this.subjects('id = ANY($1::bigint[])', [ids]);
  }

  async destroy(lookups: readonly string[], erasureId: string): Promise<number[]> {
    return landingErrors(
      transaction(this.pool, async (client) => {
        const ids = await destroyKeys(client, lookups, erasureId);
        await client.query(BUMP_KEYS_EPOCH);
        return ids;
      }),
    );
  }

  async destroyed(ids: readonly number[]): Promise<Set<number>> {
    const rows = await this.rows('SELECT id FROM curation_worker.destroyed_key WHERE id = ANY($1::bigint[])', [ids]);
    return new Set(rows.map((row) => Number(row['id'])));
  }

  private async subjects(where: string, values: unknown[]): Promise<SubjectKeyRow[]> {
    const rows = await this.rows(`SELECT ${COLUMNS} FROM curation_worker.subject_key WHERE ${where}`, values);
    return rows.map((row) => ({
      lookup: row['lookup'] as string,
      id: Number(row['id']),
      tenant: row['tenant'] as string,
      wrapId: Number(row['wrap_id']),
      wrapped: row['wrapped'] as Buffer,
    }));
  }

  private async rows(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await landingErrors(this.pool.query(text, values))).rows as Record<string, unknown>[];
  }
}
