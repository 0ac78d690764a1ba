import { bodyFor, mutate } from './bodies';
import type { Chance } from './chance';
import { headersOf, VALUES } from './headers';
import { sampleOf, type Schema } from './schema-sample';

/** One method of one path, as a service's OpenAPI document tells of it. */
export interface Operation {
  readonly method: string;
  /** With `{parameters}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** By content type, a schema and values that are fine. */
  readonly bodies: readonly { readonly type: string; readonly schema: Schema; readonly examples: readonly unknown[] }[];
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

/** A request before it is put on the wire. */
export interface FuzzRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'];
const OTHER_METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'PROPFIND'];

/**
 * All that a service says it answers: a route that is new in the document is found by itself. `document` is JSON as the
 * service gives it, with references.
 */
export function operationsOf(document: unknown): Operation[] {
  const root = document as { paths?: Record<string, Record<string, unknown>> };
  const resolve = <T>(part: unknown): T => follow(root, part) as T;
  return Object.entries(root.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method] as { parameters?: unknown[]; requestBody?: unknown };
      const body = resolve<{ content?: Record<string, Record<string, unknown>> }>(operation.requestBody ?? {});
      return {
        method: method.toUpperCase(),
        path,
        parameters: [...((item['parameters'] as unknown[]) ?? []), ...(operation.parameters ?? [])]
          .map((parameter) => resolve<Parameter>(parameter))
          .map((parameter) => ({ ...parameter, schema: expand(root, parameter.schema ?? {}) as Schema })),
        bodies: Object.entries(body.content ?? {}).map(([type, media]) => ({
          type,
          schema: expand(root, media['schema'] ?? {}) as Schema,
          examples: [
            ...(media['example'] === undefined ? [] : [media['example']]),
            ...Object.values((media['examples'] as Record<string, unknown>) ?? {}).map(
              (example) => resolve<{ value?: unknown }>(example).value,
            ),
          ],
        })),
      };
    }),
  );
}

function follow(root: unknown, part: unknown): unknown {
  const reference = (part as { $ref?: unknown } | null)?.$ref;
  if (typeof reference !== 'string') return part;
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>(
      (at, step) => (at as Record<string, unknown> | undefined)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')],
      root,
    );
}

/** A schema without references, cut off where it would go on for ever. */
function expand(root: unknown, part: unknown, depth = 0): unknown {
  if (depth > 8) return {};
  const here = follow(root, part);
  if (Array.isArray(here)) return here.map((each) => expand(root, each, depth + 1));
  if (typeof here !== 'object' || here === null) return here;
  return Object.fromEntries(Object.entries(here).map(([key, value]) => [key, expand(root, value, depth + 1)]));
}

/** A request for an operation: as it should be, or with one or several of its parts mutated. */
export function requestOf(chance: Chance, operation: Operation, known: readonly string[] = []): FuzzRequest {
  const method = chance.one(25) ? chance.pick(OTHER_METHODS) : operation.method;
  const target = pathOf(chance, operation, known) + queryOf(chance, operation, known);
  const takesBody =
    method !== 'GET' && method !== 'HEAD' ? operation.bodies.length > 0 || chance.one(3) : chance.one(40);
  const headers = takesBody || chance.one(5) ? headersOf(chance, 200) : {};
  if (chance.one(30)) headers['accept'] = chance.pick(['*/*', 'text/html', 'application/json', 'x', '']);
  if (chance.one(60)) headers['expect'] = chance.pick(['100-continue', 'x']);
  if (!takesBody) return { method, target, headers, body: Buffer.alloc(0) };
  return { method, target, headers, body: requestBody(chance, operation, headers) };
}

function pathOf(chance: Chance, { path, parameters }: Operation, known: readonly string[]): string {
  const filled = path.replace(/\{([^}]+)\}/g, (_all, name: string) => {
    const parameter = parameters.find((each) => each.in === 'path' && each.name === name);
    const value = String(parameter?.example ?? sampleOf(chance, parameter?.schema ?? {}));
    if (chance.one(3)) return chance.pick(ODD_SEGMENTS);
    return encodeURIComponent(known.length > 0 && chance.one(2) ? chance.pick(known) : value);
  });
  if (!chance.one(12)) return filled;
  const bytes = mutate(chance, Buffer.from(filled)).toString('latin1');
  // What would end the request line is wire.ts' business.
  return `/${bytes.replace(/[^\x21-\x7e]/g, (c) => `%${(c.charCodeAt(0) & 255).toString(16).padStart(2, '0')}`)}`;
}

const ODD_SEGMENTS = [
  '..',
  '%2e%2e',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%00',
  '%ff',
  '%',
  '%zz',
  "'%20OR%201=1--",
  '%F0%9F%98%80',
  '__proto__',
  'constructor',
  'a'.repeat(900),
  'a'.repeat(5_000),
  '-1',
  '99999999999999999999',
  '1e309',
  'NaN',
  '%0d%0aX:%20y',
  '*',
  '',
];

function queryOf(chance: Chance, { parameters }: Operation, known: readonly string[]): string {
  const own = parameters.filter((parameter) => parameter.in === 'query');
  const pairs: string[] = [];
  for (const { name, schema, example } of own) {
    if (chance.one(2)) continue;
    const value = chance.one(3)
      ? chance.pick([...VALUES, ...ODD_SEGMENTS])
      : encodeURIComponent(
          String(known.length > 0 && chance.one(3) ? chance.pick(known) : (example ?? sampleOf(chance, schema, name))),
        );
    pairs.push(`${name}=${value.replace(/[^\x21-\x7e]/g, encodeURIComponent)}`);
    if (chance.one(15)) pairs.push(`${name}=${value.replace(/[^\x21-\x7e]/g, encodeURIComponent)}`);
  }
  if (chance.one(10)) pairs.push(chance.pick(['__proto__=1', 'x=%ff', 'a[]=1', '=', '&&', 'unknown=1', 'limit=1e9']));
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

function requestBody(chance: Chance, operation: Operation, headers: Record<string, string>): Buffer {
  if (operation.bodies.length === 0 || chance.one(2)) return bodyFor(chance, operation.path);
  const { type, schema, examples } = chance.pick(operation.bodies);
  if (!type.includes('*') && !chance.one(10)) headers['content-type'] = type;
  const value = examples.length > 0 && chance.one(2) ? chance.pick(examples) : sampleOf(chance, schema);
  const text = typeof value === 'string' && !type.includes('json') ? value : JSON.stringify(value);
  const body = Buffer.from(type.includes('ndjson') ? `${text}\n${text}\n` : (text ?? ''));
  return chance.one(2) ? body : mutate(chance, body);
}
