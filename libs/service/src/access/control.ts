import {
  type AccessPolicy,
  type AccessSettings,
  Authenticator,
  createGuard,
  fetchJson,
  type Guard,
  type KeyFiles,
  KeyRing,
  type Principal,
  Refusal,
  type Verdict,
} from '@millrace/auth';
import type { Clock, Counter, Logger, Metrics } from '@millrace/observability';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { ConfigError } from '../config/config';
import type { Lifecycle } from '../lifecycle/lifecycle';
import { answer, type Answer } from '../problem/problem';
import { sendProblem } from '../problem/send';
import { reachesOthers } from './fields';
import { openToOthers } from './settings';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; required of every route. Made by `access()` of @millrace/auth. */
    access?: AccessPolicy;
  }
  interface FastifyRequest {
    /** Who called; null on public routes, and on optional ones that were called without a credential. */
    principal: Principal | null;
  }
}

/** What a composition root does about access. */
export interface Access {
  /**
   * Follows API keys in storage, as a resource of the service. To be called where AUTH_MODE or INGEST_AUTH_MODE may say
   * `key`; the ring that it returns is to be refreshed on `keys.changed`.
   */
  followKeys(files: KeyFiles, onUses?: OnUses): KeyRing;
}

/** Told, once a minute, when keys were used since: milliseconds since the epoch by key id. */
export type OnUses = (uses: ReadonlyMap<string, number>) => Promise<unknown>;

const USES_EVERY_MS = 60_000;

interface Deps {
  readonly host: string;
  readonly settings: AccessSettings;
  readonly pollMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly lifecycle: Lifecycle;
  readonly fetchJson?: (url: string) => Promise<unknown>;
}

const NO_KEYS: KeyFiles = {
  get: () => Promise.reject(new Error('no API keys are followed')),
  list: async function* () {
    // Nothing.
  },
};

/** Guards every route of a service by the policy that it declares. A route without one is refused when it is added. */
export class AccessControl implements Access {
  readonly policies: { readonly method: string; readonly url: string; readonly policy: AccessPolicy }[] = [];
  private readonly authenticator: Authenticator;
  private ring: KeyRing | null = null;
  private readonly refusals: Counter;
  private readonly exposed = new Set<string>();

  constructor(private readonly deps: Deps) {
    this.authenticator = new Authenticator({
      settings: deps.settings,
      keys: { verify: (text) => (this.ring ??= this.ringOf(NO_KEYS)).verify(text) },
      now: () => deps.clock.now(),
      monotonicMs: () => performance.now(),
      fetchJson: deps.fetchJson ?? fetchJson,
    });
    this.refusals = deps.metrics.counter('millrace_refused_requests_total', 'Requests not let in, by what was wrong.', [
      'rule',
    ]);
  }

  /** Adds the guards: to be called before any route is declared. */
  install(fastify: FastifyInstance): void {
    fastify.decorateRequest('principal', null);
    fastify.addHook('onRoute', (route: RouteOptions) => {
      const policy = declaredPolicy(route);
      for (const method of [route.method].flat()) this.policies.push({ method, url: route.url, policy });
      const before = route.onRequest === undefined ? [] : [route.onRequest].flat();
      this.note(policy);
      if (policy.who !== 'public') {
        route.onRequest = [this.hook(createGuard(policy, this.deps.settings, this.authenticator)), ...before];
      }
    });
  }

  followKeys(files: KeyFiles, onUses?: OnUses): KeyRing {
    if (this.ring) throw new Error('API keys are followed once');
    const ring = (this.ring = this.ringOf(files));
    const { lifecycle, logger, pollMs } = this.deps;
    if (!this.takesKeys()) return ring;
    let looking: NodeJS.Timeout | undefined;
    let telling: NodeJS.Timeout | undefined;
    const look = (): Promise<void> =>
      ring.refresh().catch((error: unknown) => logger.warn({ error }, 'API keys could not be looked at'));
    const tell = async (): Promise<void> => {
      const uses = ring.takeUses();
      if (uses.size === 0 || !onUses) return;
      await onUses(uses).catch((error: unknown) => logger.warn({ error }, 'uses of API keys were not told'));
    };
    lifecycle.add({
      name: 'api-keys',
      start: async () => {
        await ring.refresh();
        looking = setInterval(() => void look(), pollMs);
        telling = setInterval(() => void tell(), USES_EVERY_MS);
      },
      stop: async () => {
        clearInterval(looking);
        clearInterval(telling);
        await tell();
      },
      ready: () => ring.ready(),
    });
    return ring;
  }

  /** @throws ConfigError where this service could be reached by others with a mode that lets everyone in */
  assertSafe(): void {
    if (this.takesKeys() && !this.ring) throw new Error('this service takes API keys, and follows none');
    if (!reachesOthers(this.deps.host) || this.exposed.size === 0) return;
    throw new ConfigError([...this.exposed].sort().map((variable) => openToOthers(this.deps.host, variable)));
  }

  private takesKeys(): boolean {
    const { people, ingest } = this.deps.settings;
    return people.includes('key') || ingest.includes('key');
  }

  private note({ who }: AccessPolicy): void {
    const { people, ingest, task } = this.deps.settings;
    if (who === 'public') return;
    const [modes, variable] =
      who === 'task'
        ? [task, 'TASK_AUTH_MODE']
        : who === 'ingest'
          ? [ingest, 'INGEST_AUTH_MODE']
          : [people, 'AUTH_MODE'];
    if (modes.length === 0) this.exposed.add(variable);
  }

  private ringOf(files: KeyFiles): KeyRing {
    const { clock, settings } = this.deps;
    return new KeyRing({
      files,
      now: () => clock.now(),
      monotonicMs: () => performance.now(),
      staleMsMax: settings.keysStaleMsMax,
    });
  }

  private hook(guard: Guard) {
    return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
      const settle = (verdict: Verdict): void => {
        if (verdict instanceof Refusal) {
          this.refusals.inc({ rule: verdict.rule });
          sendProblem(request, reply, problemOf(verdict));
          return;
        }
        request.principal = verdict;
        done();
      };
      const verdict = guard({ method: request.method, headers: request.headers, rawHeaders: request.raw.rawHeaders });
      if (verdict instanceof Promise) verdict.then(settle, done);
      else settle(verdict);
    };
  }
}

const problemOf = ({ status, detail, headers }: Refusal): Answer => answer(status, { detail }, headers);

/** @throws Error for a route that does not say who may call it, or says so wrongly */
function declaredPolicy({ method, url, config }: RouteOptions): AccessPolicy {
  const policy = config?.access;
  const route = `${[method].flat().join('|')} ${url}`;
  if (policy === undefined) {
    throw new Error(
      `${route} does not say who may call it: add { config: { access: access('viewer') } } to a raw route, ` +
        `or @Access('viewer') of @millrace/auth/nest to a controller's method`,
    );
  }
  const internal = /^\/internal(\/|$)/.test(url);
  if (internal !== (policy.who === 'task')) {
    throw new Error(`${route}: what is under /internal/, and nothing else, has the access task`);
  }
  return policy;
}
