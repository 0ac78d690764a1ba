import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import { PostgresError } from './errors';
import { quoteIdentifier } from './quoting';

export interface MigrateOptions {
  readonly url: string;
  /** Created when absent; the migrations run with it as their search_path, and it holds their ledger. */
  readonly schema: string;
  /** Holds `<name>/migration.sql`, applied in the order of the names. */
  readonly dir: string;
  /** A statement gives up waiting for a lock after this long, so that a migration never blocks a service for long (default 30,000). */
  readonly lockTimeoutMs?: number;
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Applies what is new in `dir` and resolves to its names. Each migration is one transaction together with its row in
 * `_prisma_migrations`, so a crash leaves it applied or not, never half; runs of several processes take turns on an
 * advisory lock. The ledger is the one that `prisma migrate` reads.
 *
 * Throws `POSTGRES_MIGRATION` when an applied migration was edited, when a new one sorts before an applied one, when
 * another tool left one half applied, or when one fails (the server's error is the cause). Migrations in the ledger
 * that `dir` does not have are left alone: a newer release has been here.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(options.dir);
  const client = new Client({
    connectionString: options.url,
    application_name: `millrace migrate ${options.schema}`,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`millrace migrate ${options.schema}`]);
    await client.query(`SET lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? 30_000)}`);
    const pending = plan(options.schema, migrations, await readLedger(client, options.schema));
    for (const migration of pending) await apply(client, options.schema, migration);
    return pending.map(({ name }) => name);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The checksum that `prisma migrate` keeps. A checkout with CRLF line ends has the same. */
export const checksumOf = (sql: string): string =>
  createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');

async function readMigrations(dir: string): Promise<Migration[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(dir, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: checksumOf(sql) };
    }),
  );
}

interface LedgerRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

async function readLedger(client: Client, schema: string): Promise<LedgerRow[]> {
  const existing = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  // CREATE … IF NOT EXISTS asks for the right to create even when there is nothing to create.
  if (existing.rowCount === 0) await client.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  const ledger = `${quoteIdentifier(schema)}._prisma_migrations`;
  const known = await client.query('SELECT to_regclass($1) IS NOT NULL AS known', [ledger]);
  if (!known.rows[0].known) {
    await client.query(`CREATE TABLE ${ledger} (
      id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
      logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`);
  }
  const rows = await client.query<LedgerRow>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished FROM ${ledger} WHERE rolled_back_at IS NULL ORDER BY migration_name COLLATE "C"`,
  );
  return rows.rows;
}

function plan(schema: string, migrations: readonly Migration[], ledger: readonly LedgerRow[]): Migration[] {
  const refuse = (name: string, why: string): never => {
    throw new PostgresError('POSTGRES_MIGRATION', `migration ${name} of schema ${schema} ${why}`);
  };
  const applied = new Map(ledger.map((row) => [row.migration_name, row]));
  for (const row of ledger)
    if (!row.finished)
      refuse(row.migration_name, 'was left half applied by another tool: mend it and mark it as rolled back');
  const known = migrations.filter(({ name }) => applied.has(name));
  for (const { name, checksum } of known) {
    if (applied.get(name)?.checksum !== checksum) refuse(name, 'was edited after it had been applied');
  }
  const pending = migrations.filter(({ name }) => !applied.has(name));
  const last = known.at(-1)?.name;
  for (const { name } of pending)
    if (last !== undefined && name < last) refuse(name, `sorts before ${last}, which is already applied`);
  return pending;
}

async function apply(client: Client, schema: string, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL search_path = ${quoteIdentifier(schema)}`);
    const began = await client.query('SELECT pg_current_xact_id() AS id');
    await client.query(sql);
    const still = await client.query('SELECT pg_current_xact_id() AS id');
    if (still.rows[0].id !== began.rows[0].id) throw new Error('it ends the transaction it runs in');
    await client.query(
      `INSERT INTO ${quoteIdentifier(schema)}._prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES ($1, $2, now(), $3, 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new PostgresError(
      'POSTGRES_MIGRATION',
      `migration ${name} of schema ${schema} failed: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
