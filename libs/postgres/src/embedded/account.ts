import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { EmbeddedError } from './errors';

/** Whom the server runs as. Postgres refuses root, so root lends the server an account without privileges. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** The folder is this account's own, so all that is made in it should be. */
  readonly owner?: boolean;
}

/** What `spawn` needs. */
export const ids = (account: Account | undefined): { uid?: number; gid?: number } =>
  account ? { uid: account.uid, gid: account.gid } : {};

const number = (args: readonly string[]): number | undefined => {
  const { status, stdout } = spawnSync('id', args, { encoding: 'utf8' });
  const value = status === 0 ? Number(stdout.trim()) : NaN;
  return Number.isInteger(value) && value > 0 ? value : undefined;
};

/** initdb looks its user up by name, so an id that no account has will not do. */
function named(who: string): Account | undefined {
  const uid = number(['-u', who]);
  return uid === undefined ? undefined : { uid, gid: number(['-g', who]) ?? uid };
}

function ownerOf(file: string): Account | undefined {
  try {
    const { uid, gid } = statSync(file);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

/**
 * The account to run as: undefined for our own. For root: the owner of existing data, else the person whose folder it
 * is (`sudo npm start` then leaves data that the person can use without sudo), else postgres or nobody.
 */
export function chooseAccount(dataDir: string, pgData: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const person = ownerOf(dataDir) ?? ownerOf(path.dirname(dataDir));
  const existing = ownerOf(path.join(pgData, 'PG_VERSION'));
  if (existing) return { ...existing, owner: existing.uid === person?.uid };
  if (person && number(['-u', String(person.uid)]) !== undefined) return { ...person, owner: true };
  const account = ['postgres', '_postgres', 'nobody'].map(named).find((found) => found !== undefined);
  if (account) return account;
  throw new EmbeddedError(
    'EMBEDDED_NO_ACCOUNT',
    'embedded Postgres cannot run as root and found no account named postgres or nobody: run as a normal user, or create one (useradd --system postgres)',
  );
}

/** Whether the account may pass through every folder down to `dir`, by their modes (access lists are not read). */
export function canReach(dir: string, account: Account | undefined): boolean {
  if (!account) return true;
  for (let at = path.resolve(dir); ; at = path.dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if (!(mode & bit)) return false;
    if (at === path.dirname(at)) return true;
  }
}
