import { Chance, type Operation, requestOf } from '@millrace/service/fuzzing';

/** A request by which one tenant reaches for what is another's. */
export interface Attack {
  readonly method: string;
  /** Path and query, without the service's prefix. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Headers by which proxies and other products say whose a request is. None may count here. */
const CLAIMS = ['x-tenant', 'x-tenant-id', 'x-millrace-tenant', 'x-scope-orgid', 'tenant'];
const TRIES = 6;

/**
 * Writes of an operation in another tenant's name: with that one's ids in the path, its name in the query, in headers,
 * and in every place of a body that could be meant for it.
 *
 * @param marker stands in bodies wherever text may, to be known again wherever it comes to light
 */
export function* attacksOn(
  operation: Operation,
  victim: { readonly tenant: string; readonly ids: readonly string[] },
  marker: string,
  seed: number,
): Generator<Attack> {
  const chance = new Chance(seed);
  const claims = Object.fromEntries(CLAIMS.map((name) => [name, victim.tenant]));
  const paths = operation.path.includes('{')
    ? victim.ids.map((id) => operation.path.replace(/\{[^}]+\}/g, encodeURIComponent(id)))
    : [operation.path];
  for (const path of paths)
    for (const query of ['', `?tenant=${victim.tenant}`, `?tenant_id=${victim.tenant}`]) {
      const headers = { 'content-type': 'application/json', ...claims };
      const given = operation.bodies.flatMap(({ examples }) => examples);
      for (const body of [...given.slice(0, 2), {}])
        yield {
          method: operation.method,
          target: path + query,
          headers,
          body: json(claimed(body, victim.tenant, marker)),
        };
    }
  for (let n = 0; n < TRIES; n++) {
    const { method, target, body } = requestOf(chance, operation, victim.ids);
    // What a client library would not send is the fuzz's business.
    if (method !== operation.method || !/^\/[\w/.:?=&%-]*$/.test(target)) continue;
    yield { method, target, headers: { 'content-type': 'application/json', ...claims }, body };
  }
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

function claimed(body: unknown, tenant: string, marker: string): unknown {
  if (Array.isArray(body)) return body.map((each) => claimed(each, tenant, marker));
  if (typeof body !== 'object' || body === null) return body;
  const said = Object.entries(body).map(([name, value]) => [name, name === 'name' ? marker : value]);
  return { ...Object.fromEntries(said), tenant, tenant_id: tenant, tenantId: tenant };
}

/** Every id, state and key in an answer: what of it another tenant's write must leave as it is. */
export function standing(answer: unknown, path = ''): string[] {
  if (Array.isArray(answer)) return answer.flatMap((each) => standing(each, path));
  if (typeof answer === 'object' && answer !== null)
    return Object.entries(answer).flatMap(([name, value]) => standing(value, `${path}.${name}`));
  return /(^|\.|[a-z])(id|Id|group|name|state|status|revokedAt|resolution)$/.test(path) ? [`${path}=${answer}`] : [];
}
