/**
 * What a principal may do. `viewer` reads, `operator` also mends (replay, publish, run), `admin` also says who may do
 * what, `device-admin` enrols and revokes devices, `ingest` sends events and reads nothing, `revealer` turns reversible
 * tokens back into personal data, which no other role includes.
 */
export const ROLES = ['ingest', 'viewer', 'operator', 'admin', 'device-admin', 'revealer'] as const;
export type Role = (typeof ROLES)[number];

/** How a principal proved who it is. `local`: not at all, on a loopback address where nothing else is configured. */
export type PrincipalKind = 'local' | 'bootstrap' | 'token' | 'key' | 'jwt' | 'service' | 'iap' | 'task';

/** Who sent a request, and for whom. */
export interface Principal {
  /** Stable and safe to print: `key:<id>`, an e-mail address, a JWT's `sub`; never a secret. */
  readonly subject: string;
  /** Whose data it sends and sees; leads every key and every query. */
  readonly tenant: string;
  /** Includes the roles that others imply. */
  readonly roles: readonly Role[];
  readonly kind: PrincipalKind;
}

/**
 * The tenant of a deployment that has only one, and of its own staff where it has several: what belongs to the
 * deployment and not to a tenant (metrics, tables, the publishing of contracts) is its principals' alone.
 */
export const HOME_TENANT = 'default';

const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** 1-64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit: safe in paths, keys and SQL parameters. */
export const isTenant = (text: unknown): text is string => typeof text === 'string' && TENANT.test(text);

export const isRole = (text: unknown): text is Role => ROLES.includes(text as Role);

const IMPLIED: Readonly<Record<Role, readonly Role[]>> = {
  ingest: ['ingest'],
  viewer: ['viewer'],
  operator: ['operator', 'viewer'],
  admin: ['ingest', 'viewer', 'operator', 'admin', 'device-admin'],
  'device-admin': ['device-admin'],
  revealer: ['revealer'],
};

/** Roles together with those that they imply, in the order of ROLES. */
export function withImplied(roles: readonly Role[]): readonly Role[] {
  const all = new Set(roles.flatMap((role) => IMPLIED[role]));
  return Object.freeze(ROLES.filter((role) => all.has(role)));
}

export function principal(kind: PrincipalKind, subject: string, tenant: string, roles: readonly Role[]): Principal {
  return Object.freeze({ subject, tenant, roles: withImplied(roles), kind });
}

/** Whoever reaches a loopback address of a machine may do there what the machine's user may. */
export const LOCAL_PRINCIPAL = principal('local', 'local', HOME_TENANT, ['admin']);
/** The tasks port, calling back. */
export const TASK_PRINCIPAL = principal('task', 'tasks', HOME_TENANT, []);
