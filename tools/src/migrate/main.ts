import { parseArgs } from 'node:util';
import { DATABASE_SERVICES } from '../start/services';
import { migrateAll } from './migrate-all';
import { roleName } from './roles';

const USAGE = `npm run migrate
  Prepares a Postgres server for the services: database, roles, schemas, grants, migrations, topics, consumer groups.
  Repeatable; run it before services of a new version start.

  DATABASE_ADMIN_URL        postgresql://… of a role that may create roles and databases (required)
  DATABASE_NAME             the database, created if absent (default millrace)
  INBOUND_LOG_BYTES_MAX     accepted bytes that may wait to be curated; beyond it intake gets 503 (default 4GiB)
  CURATION_WORKERS          workers that will run, for the cap on their connections (default 1)
${DATABASE_SERVICES.map(({ schema }) => `  ${passwordVariable(schema).padEnd(25)} login password of ${roleName(schema)}; without it the role keeps its own`).join('\n')}`;

function passwordVariable(schema: string): string {
  return `${schema.toUpperCase()}_DB_PASSWORD`;
}

/** The deployment's command; exit code 1 and one line on standard error when it failed. */
export async function main(
  args: readonly string[] = process.argv.slice(2),
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  try {
    const { values } = parseArgs({ args: [...args], options: { help: { type: 'boolean', short: 'h' } }, strict: true });
    if (values.help) return console.log(USAGE);
    const adminUrl = env['DATABASE_ADMIN_URL'];
    if (!adminUrl) throw new Error(`DATABASE_ADMIN_URL is not set.\n\n${USAGE}`);
    const workers = Number(env['CURATION_WORKERS'] ?? 1);
    if (!Number.isInteger(workers) || workers < 1) throw new Error('CURATION_WORKERS takes a whole number from 1.');
    const passwords = Object.fromEntries(
      DATABASE_SERVICES.map(({ schema }) => [roleName(schema), env[passwordVariable(schema)]]).filter(
        (entry): entry is [string, string] => Boolean(entry[1]),
      ),
    );
    const migrated = await migrateAll({
      adminUrl,
      passwords,
      workers,
      env,
      ...(env['DATABASE_NAME'] ? { database: env['DATABASE_NAME'] } : {}),
    });
    for (const [schema, names] of Object.entries(migrated.applied)) {
      console.log(`${schema.padEnd(16)} ${names.length ? `applied ${names.join(', ')}` : 'up to date'}`);
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

// As the command of a container, without the launcher.
if (require.main === module) void main();
