import { type Pool, type PoolClient, transaction } from '@millrace/postgres';
import { isCompatibilityMode } from '../contracts/registry-port';
import { OneAtATime } from '../contracts/one-at-a-time';
import type { ReadSchema, SchemaType } from './read-schema';
import {
  type Binding,
  type Mode,
  MODES,
  type RegisteredSchema,
  type SchemaChange,
  type SchemaStore,
  type SubjectSettings,
  type SubjectVersion,
} from './store';

type Queryable = Pick<PoolClient, 'query'>;

const VERSIONS = `SELECT v.subject, v.version, v.deleted, s.id, s.type, s.text
  FROM table_manager.subject_version v JOIN table_manager.registered_schema s ON s.id = v.schema_id
 WHERE v.subject = $1 ORDER BY v.version`;
const KNOWN = `SELECT id, type, text FROM table_manager.registered_schema WHERE fingerprint = $1`;

/** Subjects and schemas in the service's own schema. */
export class PostgresSchemaStore implements SchemaStore {
  private readonly queue = new OneAtATime();

  constructor(private readonly pool: Pool) {}

  async schema(id: number): Promise<RegisteredSchema | null> {
    const { rows } = await this.pool.query('SELECT id, type, text FROM table_manager.registered_schema WHERE id = $1', [
      id,
    ]);
    return rows[0] ? schemaOf(rows[0]) : null;
  }

  versions(subject: string): Promise<SubjectVersion[]> {
    return versionsOf(this.pool, subject);
  }

  async uses(id: number): Promise<Pick<SubjectVersion, 'subject' | 'version' | 'deleted'>[]> {
    const { rows } = await this.pool.query(
      'SELECT subject, version, deleted FROM table_manager.subject_version WHERE schema_id = $1 ORDER BY subject, version',
      [id],
    );
    return rows as Pick<SubjectVersion, 'subject' | 'version' | 'deleted'>[];
  }

  async subjects(prefix: string, deleted: boolean, limit: number): Promise<string[]> {
    const { rows } = await this.pool.query(
      `SELECT DISTINCT subject FROM table_manager.subject_version
        WHERE starts_with(subject, $1) AND (NOT deleted OR $2) ORDER BY subject LIMIT $3`,
      [prefix, deleted, limit],
    );
    return rows.map((row) => String(row.subject));
  }

  async known(fingerprint: string): Promise<RegisteredSchema | null> {
    return known(this.pool, fingerprint);
  }

  async settings(subject: string): Promise<SubjectSettings> {
    const { rows } = await this.pool.query(
      'SELECT compatibility, mode FROM table_manager.subject_settings WHERE subject = $1',
      [subject],
    );
    const { compatibility, mode } = (rows[0] ?? {}) as Record<string, unknown>;
    return {
      compatibility: isCompatibilityMode(compatibility) ? compatibility : null,
      mode: MODES.includes(mode as Mode) ? (mode as Mode) : null,
    };
  }

  async setSettings(subject: string, settings: Partial<SubjectSettings>): Promise<void> {
    await this.pool.query(
      `INSERT INTO table_manager.subject_settings AS s (subject, compatibility, mode) VALUES ($1, $2, $3)
       ON CONFLICT (subject) DO UPDATE
         SET compatibility = CASE WHEN $4 THEN excluded.compatibility ELSE s.compatibility END,
             mode = CASE WHEN $5 THEN excluded.mode ELSE s.mode END`,
      [subject, settings.compatibility ?? null, settings.mode ?? null, 'compatibility' in settings, 'mode' in settings],
    );
  }

  async binding(subject: string): Promise<Binding | null> {
    const { rows } = await this.pool.query(
      'SELECT subject, contract, type FROM table_manager.subject_binding WHERE subject = $1',
      [subject],
    );
    return (rows[0] as Binding | undefined) ?? null;
  }

  async bindings(contract: string): Promise<Binding[]> {
    const { rows } = await this.pool.query(
      'SELECT subject, contract, type FROM table_manager.subject_binding WHERE contract = $1 ORDER BY subject',
      [contract],
    );
    return rows as Binding[];
  }

  change<T>(work: (change: SchemaChange) => Promise<T>): Promise<T> {
    return this.queue.run(() =>
      transaction(this.pool, async (client: Queryable) => {
        await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('table_manager.schemas', 0))`);
        return work(new PostgresSchemaChange(client));
      }),
    );
  }
}

class PostgresSchemaChange implements SchemaChange {
  constructor(private readonly client: Queryable) {}

  versions(subject: string): Promise<SubjectVersion[]> {
    return versionsOf(this.client, subject);
  }

  known(fingerprint: string): Promise<RegisteredSchema | null> {
    return known(this.client, fingerprint);
  }

  async nextId(): Promise<number> {
    const { rows } = await this.client.query(
      'SELECT coalesce(max(id), 0) + 1 AS next FROM table_manager.registered_schema',
    );
    return Number(rows[0].next);
  }

  async addSchema(id: number, { type, fingerprint, text }: ReadSchema): Promise<void> {
    await this.client.query(
      'INSERT INTO table_manager.registered_schema (id, type, fingerprint, text) VALUES ($1, $2, $3, $4)',
      [id, type, fingerprint, text],
    );
  }

  async addVersion(subject: string, version: number, id: number): Promise<void> {
    await this.client.query(
      'INSERT INTO table_manager.subject_version (subject, version, schema_id) VALUES ($1, $2, $3)',
      [subject, version, id],
    );
  }

  async softDelete(subject: string, versions: readonly number[]): Promise<void> {
    await this.client.query(
      'UPDATE table_manager.subject_version SET deleted = true WHERE subject = $1 AND version = ANY($2::int[])',
      [subject, versions],
    );
  }

  async hardDelete(subject: string, versions: readonly number[]): Promise<void> {
    await this.client.query(
      'DELETE FROM table_manager.subject_version WHERE subject = $1 AND version = ANY($2::int[])',
      [subject, versions],
    );
  }

  async bind({ subject, contract, type }: Binding): Promise<void> {
    await this.client.query(
      `INSERT INTO table_manager.subject_binding (subject, contract, type) VALUES ($1, $2, $3)
       ON CONFLICT (subject) DO UPDATE SET contract = excluded.contract, type = excluded.type`,
      [subject, contract, type],
    );
  }

  async unbind(subject: string): Promise<boolean> {
    const { rowCount } = await this.client.query('DELETE FROM table_manager.subject_binding WHERE subject = $1', [
      subject,
    ]);
    return rowCount === 1;
  }
}

async function versionsOf(on: Queryable, subject: string): Promise<SubjectVersion[]> {
  const { rows } = await on.query(VERSIONS, [subject]);
  return rows.map((row) => ({
    ...schemaOf(row),
    subject: String(row.subject),
    version: Number(row.version),
    deleted: row.deleted === true,
  }));
}

async function known(on: Queryable, fingerprint: string): Promise<RegisteredSchema | null> {
  const { rows } = await on.query(KNOWN, [fingerprint]);
  return rows[0] ? schemaOf(rows[0]) : null;
}

const schemaOf = (row: Record<string, unknown>): RegisteredSchema => ({
  id: Number(row.id),
  type: row.type as SchemaType,
  text: String(row.text),
});
