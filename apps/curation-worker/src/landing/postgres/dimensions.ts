import type { Pool, PoolClient } from '@millrace/postgres';
import type { Attribute, DimensionEntry } from '../../dimensions/model';

const COLUMNS = 'tenant, name, version, path, key_column, attributes, keys, loaded_at';

const INSERT = `
  INSERT INTO curation_worker.dimension (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`;

const UPDATE = `
  UPDATE curation_worker.dimension SET version = $3, path = $4, key_column = $5, attributes = $6, keys = $7, loaded_at = $8
   WHERE tenant = $1 AND name = $2 AND version = $3 - 1`;

/** False where the version before is not in force. */
export async function writeDimension(client: PoolClient, entry: DimensionEntry): Promise<boolean> {
  const { tenant, name, version, path, keyColumn, attributes, keys, loadedAt } = entry;
  const values = [tenant, name, version, path, keyColumn, JSON.stringify(attributes), keys, loadedAt];
  return (await client.query(version === 1 ? INSERT : UPDATE, values)).rowCount === 1;
}

export async function readDimensions(pool: Pool, of?: { tenant: string; name: string }): Promise<DimensionEntry[]> {
  const { rows } = await pool.query<Record<string, unknown>>(
    `SELECT ${COLUMNS} FROM curation_worker.dimension ${of ? 'WHERE tenant = $1 AND name = $2' : ''} ORDER BY tenant, name`,
    of ? [of.tenant, of.name] : [],
  );
  return rows.map((row) => ({
    tenant: row.tenant as string,
    name: row.name as string,
    version: Number(row.version),
    path: row.path as string,
    keyColumn: row.key_column as string,
    attributes: row.attributes as Attribute[],
    keys: Number(row.keys),
    loadedAt: (row.loaded_at as Date).toISOString(),
  }));
}
