import { type PoolClient, uuidArrayParam } from '@millrace/postgres';
import type { Held } from '../../pipeline/dedupe';
import type { Claim } from '../port';
import { int8ArrayParam } from './int8-array';

/**
 * Inserts in the order of the keys, so that two landings never wait for each other, and returns the keys of others only:
 * mostly none. Keys and fingerprints travel as binary arrays.
 */
const CLAIM = `
  WITH claim AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int4[], $5::int4[]) AS t (k, fingerprint, window_days, event_day)
  ), inserted AS (
    INSERT INTO curation_worker.claims (k, batch_id, fingerprint, keep_until)
    SELECT k, $4, fingerprint, greatest(current_date, DATE '1970-01-01' + event_day) + window_days FROM claim ORDER BY k
    ON CONFLICT DO NOTHING
    RETURNING k
  )
  SELECT k::text FROM claim WHERE NOT EXISTS (SELECT FROM inserted i WHERE i.k = claim.k)`;

const RELEASE = 'DELETE FROM curation_worker.claims WHERE k = ANY($1::uuid[]) AND batch_id = $2';

const HELD = `SELECT k::text, batch_id, fingerprint FROM curation_worker.claims WHERE k = ANY($1::uuid[])`;

export async function insertClaims(
  client: PoolClient,
  claims: readonly Claim[],
  batchId: number,
): Promise<Map<string, Held>> {
  const held = new Map<string, Held>();
  if (claims.length === 0) return held;
  const values = [
    uuidArrayParam(claims.map(({ key }) => key)),
    int8ArrayParam(claims.map(({ fingerprint }) => fingerprint)),
    `{${claims.map(({ windowDays }) => windowDays).join(',')}}`,
    batchId,
    `{${claims.map(({ eventDay }) => eventDay).join(',')}}`,
  ];
  const { rows } = await client.query({ name: 'claim', text: CLAIM, values });
  if (rows.length === 0) return held;
  const theirs = (rows as { k: string }[]).map(({ k }) => digits(k));
  // Inserting waited for the holders to commit, so a later snapshot sees them; a claim pruned since is not there.
  for (const key of theirs) held.set(key, { batchId: null, fingerprint: null });
  for (const [key, holder] of await heldClaims(client, theirs)) held.set(key, holder);
  return held;
}

/** Those of the keys that are claimed, with who holds them. */
export async function heldClaims(
  client: Pick<PoolClient, 'query'>,
  keys: readonly string[],
): Promise<Map<string, Held>> {
  const held = new Map<string, Held>();
  if (keys.length === 0) return held;
  const found = await client.query({ name: 'held', text: HELD, values: [uuidArrayParam(keys)] });
  for (const row of found.rows as { k: string; batch_id: string; fingerprint: string }[]) {
    const fingerprint = BigInt.asUintN(64, BigInt(row.fingerprint)).toString(16).padStart(16, '0');
    held.set(digits(row.k), { batchId: Number(row.batch_id), fingerprint });
  }
  return held;
}

/** Deletes claims of the batch that is landing. */
export async function deleteClaims(client: PoolClient, keys: readonly string[], batchId: number): Promise<void> {
  await client.query(RELEASE, [uuidArrayParam(keys), batchId]);
}

const digits = (uuid: string): string => uuid.replaceAll('-', '');
