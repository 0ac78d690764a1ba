import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from 'pg';
import { migrate } from '../migrate';
import { quoteIdentifier } from '../quoting';

export interface MigrationSet {
  readonly schema: string;
  readonly dir: string;
}

/** Something else that goes into the template, once. */
export interface Preparation {
  /** Names what `run` does, its version included: the same key must mean the same content. */
  readonly key: string;
  run(url: string): Promise<unknown>;
}

/** The newest templates are kept: each edit of a migration makes another. */
const TEMPLATES_MAX = 12;

/** Names the content of the migrations, not their place: checkouts of the same commit share a template. */
export function templateName(migrations: readonly MigrationSet[], prepare?: Preparation): string {
  const hash = createHash('sha256').update(`${prepare?.key ?? ''}\0`);
  for (const { schema, dir } of migrations) {
    hash.update(`${schema}\0`);
    for (const name of readdirSync(dir).sort()) {
      hash
        .update(`${name}\0`)
        .update(readFileSync(path.join(dir, name, 'migration.sql')))
        .update('\0');
    }
  }
  return `template_${hash.digest('hex').slice(0, 24)}`;
}

/**
 * The name of a migrated database to clone, made by whoever comes first: the others wait for it. It becomes a template
 * only when it is whole, so that one whose maker was killed is made again.
 */
export async function ensureTemplate(
  admin: Client,
  migrations: readonly MigrationSet[],
  url: (database: string) => string,
  prepare?: Preparation,
): Promise<string> {
  const name = templateName(migrations, prepare);
  await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 1))', [name]);
  try {
    const { rows } = await admin.query('SELECT datistemplate FROM pg_database WHERE datname = $1', [name]);
    if (rows[0]?.datistemplate) return name;
    await admin.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
    await dropOldTemplates(admin);
    await admin.query(`CREATE DATABASE ${quoteIdentifier(name)}`);
    for (const { schema, dir } of migrations) await migrate({ url: url(name), schema, dir });
    await prepare?.run(url(name));
    await admin.query(`ALTER DATABASE ${quoteIdentifier(name)} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`);
    return name;
  } finally {
    await admin.query('SELECT pg_advisory_unlock(hashtextextended($1, 1))', [name]);
  }
}

async function dropOldTemplates(admin: Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%' AND datistemplate ORDER BY oid DESC OFFSET $1`,
    [TEMPLATES_MAX - 1],
  );
  for (const { datname } of rows) {
    await admin.query(`ALTER DATABASE ${quoteIdentifier(datname)} WITH IS_TEMPLATE false`);
    // One that is being cloned at this moment stays; the next round takes it.
    await admin.query(`DROP DATABASE IF EXISTS ${quoteIdentifier(datname)}`).catch(() => undefined);
  }
}
