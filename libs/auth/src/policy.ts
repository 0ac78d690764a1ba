import { HOME_TENANT, type Principal, type Role } from './principal';

/**
 * Who may call a route.
 * - `public`: anyone. Nothing of it may depend on data.
 * - `task`: the tasks port (TASK_AUTH_MODE); every path under `/internal/` and no other has it.
 * - a role: principals that have it. `ingest` is asked for by INGEST_AUTH_MODE, all others by AUTH_MODE.
 */
export interface AccessPolicy {
  readonly who: 'public' | 'task' | Role;
  /** The route is about the deployment and not about one tenant: only principals of the home tenant may call it. */
  readonly deployment: boolean;
  /** The tasks port may call it as well. */
  readonly orTask: boolean;
  /** Without any credential the handler is called all the same and checks something else, e.g. a signature. */
  readonly optional: boolean;
}

/** Declares who may call a route: `{ config: { access: access('viewer') } }`, or `@Access('viewer')` on a controller's method. */
export function access(who: AccessPolicy['who'], options: Partial<Omit<AccessPolicy, 'who'>> = {}): AccessPolicy {
  const { deployment = false, orTask = false, optional = false } = options;
  return Object.freeze({ who, deployment, orTask, optional });
}

/** Why a principal may not, or null when it may. */
export function forbidden({ who, deployment }: AccessPolicy, { kind, roles, tenant }: Principal): string | null {
  if (who === 'public' || kind === 'task') return null;
  if (who === 'task') return 'Only the service itself calls this path.';
  if (!roles.includes(who)) return `This takes the role ${who}.`;
  return deployment && tenant !== HOME_TENANT ? 'This is about the deployment, not about one tenant.' : null;
}
