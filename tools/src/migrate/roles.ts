import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { Client } from 'pg';

/** The database role of one service: it owns `schema` and logs in as `millrace_<schema>`. */
export interface ServiceRole {
  readonly schema: string;
  readonly connectionsMax: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

export const roleName = (schema: string): string => `millrace_${schema}`;

/**
 * Creates the role or brings its attributes up to date. Without a password an existing one keeps its own, and a new
 * role cannot log in until it is given one. Only the SCRAM verifier is sent, so the password is in no server log.
 */
export async function ensureRole(client: Client, role: ServiceRole, password: string | undefined): Promise<void> {
  const name = client.escapeIdentifier(roleName(role.schema));
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [roleName(role.schema)]);
  if (rowCount === 0) await client.query(`create role ${name}`);
  await client.query(
    `alter role ${name} login nocreatedb nocreaterole connection limit ${Math.trunc(role.connectionsMax)}` +
      (password === undefined ? '' : ` password ${client.escapeLiteral(scramVerifier(password))}`),
  );
  const settings: Record<string, string> = {
    search_path: client.escapeIdentifier(role.schema),
    statement_timeout: `'${Math.trunc(role.statementTimeoutMs)}ms'`,
    idle_in_transaction_session_timeout: `'${Math.trunc(role.idleInTransactionTimeoutMs)}ms'`,
    timezone: `'UTC'`,
  };
  for (const [setting, value] of Object.entries(settings))
    await client.query(`alter role ${name} set ${setting} = ${value}`);
  // Handing objects over (`alter … owner to`) takes membership where the administrator is no superuser (Cloud SQL).
  const { rows } = await client.query<{ super: boolean }>(
    `select rolsuper as super from pg_roles where rolname = current_user`,
  );
  if (!rows[0]?.super) await client.query(`grant ${name} to current_user`);
}

/**
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, what Postgres keeps in pg_authid (RFC 5803). Passwords
 * of printable ASCII only: for others SASLprep would have to come first.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16), iterations = 4096): string {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new Error('A database password must be printable ASCII and not empty.');
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
