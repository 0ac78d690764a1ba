import type { Authenticator } from './authenticator';
import { type GuardedRequest, repeatedHeader } from './credentials';
import { localFault } from './loopback';
import { type AccessPolicy, forbidden } from './policy';
import { LOCAL_PRINCIPAL, type Principal, type PrincipalKind } from './principal';
import { forbid, invalid, missing, Refusal } from './refusal';
import type { AccessSettings, IngestMode, PeopleMode } from './settings';

/** Null: let in without a principal (public routes, and optional ones without a credential). */
export type Verdict = Principal | null | Refusal;
export type Guard = (request: GuardedRequest) => Verdict | Promise<Verdict>;

const KIND_OF: Readonly<Record<PeopleMode | IngestMode, PrincipalKind>> = {
  token: 'token',
  key: 'key',
  jwt: 'jwt',
  oidc: 'service',
  iap: 'iap',
};

/**
 * Makes the guard of one route. It answers at once, in microseconds, unless a token's signature has to be checked for the
 * first time.
 */
export function createGuard(
  policy: AccessPolicy,
  settings: AccessSettings,
  authenticator: Pick<Authenticator, 'authenticate' | 'authenticateTask'>,
): Guard {
  const { who, optional, orTask } = policy;
  if (who === 'public') return () => null;
  const modes: readonly (PeopleMode | IngestMode)[] = who === 'ingest' ? settings.ingest : settings.people;
  const kinds: ReadonlySet<PrincipalKind> = new Set(['bootstrap', 'task', ...modes.map((mode) => KIND_OF[mode])]);
  const open = who === 'task' ? settings.task.length === 0 : modes.length === 0;
  if (open) return (request) => repeated(request) ?? localFault(request) ?? LOCAL_PRINCIPAL;

  const judge = (found: Principal | Refusal): Verdict => {
    if (found instanceof Refusal) return found;
    if (!kinds.has(found.kind)) return invalid('not_accepted_here', 'This kind of credential is not taken here.');
    const why = forbidden(policy, found);
    return why === null ? found : forbid(why);
  };
  return (request) => {
    const twice = repeated(request);
    if (twice) return twice;
    const byTask = who === 'task' || (orTask && settings.task.length > 0 && 'x-task-token' in request.headers);
    const found = byTask
      ? authenticator.authenticateTask(request)
      : authenticator.authenticate(request, who === 'ingest');
    if (found === null) return optional ? null : missing();
    return found instanceof Promise ? found.then(judge) : judge(found);
  };
}

function repeated({ rawHeaders }: GuardedRequest): Refusal | null {
  const name = repeatedHeader(rawHeaders);
  return name === null ? null : new Refusal(400, 'ambiguous', `The header ${name} came more than once.`);
}
