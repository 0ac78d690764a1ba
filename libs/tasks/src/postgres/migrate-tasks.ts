import path from 'node:path';
import { createPool, migrate } from '@millrace/postgres';
import { migrateGraphile } from './graphile';

/** The schema's name, unless said otherwise. */
export const SCHEMA = 'tasks';

export interface MigrateTasksOptions {
  /** As a role that may create schemas, or owns this one. */
  readonly url: string;
  readonly schema?: string;
}

/** Brings the schema up to date: graphile-worker's own migrations, then ours. Resolves to the names of ours that were new. */
export async function migratePostgresTasks({ url, schema = SCHEMA }: MigrateTasksOptions): Promise<string[]> {
  const pool = createPool({ url, max: 2, applicationName: 'millrace migrate tasks' });
  try {
    // Two at once would run into each other: graphile-worker takes no lock.
    const client = await pool.connect();
    try {
      await client.query('SELECT pg_advisory_lock(hashtextextended($1, 2))', [schema]);
      await migrateGraphile(pool, schema);
    } finally {
      client.release(true);
    }
  } finally {
    await pool.end();
  }
  return migrate({ url, schema, dir: path.join(__dirname, 'migrations') });
}
