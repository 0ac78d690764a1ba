import type { JWTPayload } from 'jose';
import { HOME_TENANT, isRole, isTenant, principal, type Principal, type Role } from '../principal';
import { forbid, invalid, type Refusal } from '../refusal';

const SUBJECT_CHARS_MAX = 256;

export interface JwtClaims {
  /** Where roles are: a claim's name, or a path of names joined by dots (`realm_access.roles`). */
  readonly rolesClaim: string;
  /** Where the tenant is; null: all principals are of the home tenant. */
  readonly tenantClaim: string | null;
}

/** The principal of a JWT of the configured issuer. Roles are a list or a text of words; unknown ones grant nothing. */
export function jwtPrincipal({ rolesClaim, tenantClaim }: JwtClaims): (claims: JWTPayload) => Principal | Refusal {
  return (claims) => {
    const subject = claims.sub;
    if (!isSubject(subject)) return invalid('claims', 'The claim sub of the token does not hold.');
    const tenant = tenantClaim === null ? HOME_TENANT : claimOf(claims, tenantClaim);
    if (!isTenant(tenant)) return invalid('claims', 'The token names no tenant.');
    return principal('jwt', subject, tenant, rolesOf(claimOf(claims, rolesClaim)));
  };
}

/** A Google service account (Pub/Sub push, Cloud Tasks): its verified e-mail address must be on the list. */
export function serviceAccountPrincipal(
  kind: 'service' | 'task',
  accounts: readonly string[],
  roles: readonly Role[],
): (claims: JWTPayload) => Principal | Refusal {
  return ({ email, email_verified: verified }) => {
    if (typeof email !== 'string' || verified !== true) {
      return invalid('claims', 'The token names no verified e-mail address.');
    }
    if (!accounts.includes(email)) return forbid('This service account is not on the list.');
    return principal(kind, email, HOME_TENANT, roles);
  };
}

export interface IapRoles {
  readonly admins: readonly string[];
  readonly operators: readonly string[];
}

/** Someone whom Identity-Aware Proxy let through: a viewer, unless the address is on one of the lists. */
export function iapPrincipal({ admins, operators }: IapRoles): (claims: JWTPayload) => Principal | Refusal {
  return ({ email }) => {
    if (!isSubject(email)) return invalid('claims', 'The assertion names no e-mail address.');
    const role = admins.includes(email) ? 'admin' : operators.includes(email) ? 'operator' : 'viewer';
    return principal('iap', email, HOME_TENANT, [role]);
  };
}

/** Printable, so that it is safe in logs and audit records. */
const isSubject = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= SUBJECT_CHARS_MAX && /^[^\p{C}]+$/u.test(value);

/** A claim by its whole name first: names of claims may be URLs, which have dots. */
function claimOf(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function rolesOf(value: unknown): Role[] {
  const words = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return words.filter(isRole);
}
