import type { Client } from 'pg';

/** Makes `role` the owner of the schema and of all in it, whoever created it. The migrations' own record stays the administrator's. */
export async function handOver(client: Client, schema: string, role: string): Promise<void> {
  const owner = client.escapeIdentifier(role);
  const { rows } = await client.query<{ statement: string }>(
    `select format('alter %s %I.%I owner to %I', kind, $1::text, name, $2::text) as statement
       from (
         select case relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
                relname as name, relowner as owner, relkind = 'S' as last
           from pg_class
          where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'S', 'v', 'm', 'f') and relname <> '_prisma_migrations'
            -- a sequence of a column follows its table and may not be moved alone
            and not (relkind = 'S' and exists (select from pg_depend where objid = pg_class.oid and classid = 'pg_class'::regclass and deptype in ('a', 'i')))
         union all
         select case typtype when 'd' then 'domain' else 'type' end, typname, typowner, true
           from pg_type where typnamespace = $1::regnamespace and typtype in ('e', 'd')
       ) objects
      where owner <> $2::regrole
     union all
     select format('alter routine %s owner to %I', oid::regprocedure, $2::text)
       from pg_proc where pronamespace = $1::regnamespace and proowner <> $2::regrole`,
    [schema, role],
  );
  await client.query(`alter schema ${client.escapeIdentifier(schema)} owner to ${owner}`);
  for (const { statement } of rows) await client.query(statement);
}

const POLICY = 'millrace_services';

/** Lets `roles` read and write every table of a schema that they share, now and after later migrations, but change none. */
export async function share(client: Client, schema: string, roles: readonly string[]): Promise<void> {
  const name = client.escapeIdentifier(schema);
  const to = roles.map((role) => client.escapeIdentifier(role)).join(', ');
  await client.query(`grant usage on schema ${name} to ${to}`);
  for (const [rights, objects] of [
    ['select, insert, update, delete', 'tables'],
    ['usage, select', 'sequences'],
    ['execute', 'routines'],
  ]) {
    await client.query(`grant ${rights} on all ${objects} in schema ${name} to ${to}`);
    await client.query(`alter default privileges in schema ${name} grant ${rights} on ${objects} to ${to}`);
  }
  // graphile-worker turns row security on for its tables and leaves it to their users to be let in.
  const { rows } = await client.query<{ table: string; known: boolean }>(
    `select relname as table, exists (select from pg_policy where polrelid = pg_class.oid and polname = $2) as known
       from pg_class where relnamespace = $1::regnamespace and relrowsecurity`,
    [schema, POLICY],
  );
  for (const { table, known } of rows) {
    const policy = `policy ${POLICY} on ${name}.${client.escapeIdentifier(table)}`;
    await client.query(known ? `alter ${policy} to ${to}` : `create ${policy} to ${to} using (true) with check (true)`);
  }
  const { rowCount } = await client.query(
    `select from pg_class where relnamespace = $1::regnamespace and relname = '_prisma_migrations'`,
    [schema],
  );
  if (rowCount) await client.query(`revoke insert, update, delete on ${name}._prisma_migrations from ${to}`);
}
