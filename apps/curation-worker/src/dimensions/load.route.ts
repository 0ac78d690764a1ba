import { access } from '@millrace/auth';
import { type OpenApi, ProblemException } from '@millrace/service';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { showDimension } from './dimensions.controller';
import type { DimensionLoad, LoadedDimension } from './load-dimension';
import { type AttributeType, DIMENSION_LIMITS } from './model';
import { DIMENSIONS_OPENAPI } from './openapi';
import { isDimensionName } from './paths';
import { instantOf, type SentRows } from './read-rows';

const FORMATS: Readonly<Record<string, SentRows['format']>> = {
  'text/csv': 'csv',
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
};
const TYPES: readonly AttributeType[] = ['string', 'long', 'double', 'boolean'];
const PARAMETERS = new Set(['mode', 'key', 'effective_from', 'types']);

export type LoadHandler = (load: DimensionLoad) => Promise<LoadedDimension>;

/** `PUT /v1/dimensions/{name}`: the body is bytes, kept as they came. One load at a time, since each may be large. */
export function addLoadRoute(fastify: FastifyInstance, openapi: OpenApi, load: LoadHandler): void {
  let busy = false;
  const refuseIfBusy = (): void => {
    if (busy) throw new ProblemException(503, { detail: 'Another dimension is being loaded.' }, { 'retry-after': '1' });
  };
  void fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const options = {
      config: { access: access('operator') },
      bodyLimit: DIMENSION_LIMITS.bytesMax,
      // Before the body is read: what is refused is not held.
      onRequest: async (): Promise<void> => refuseIfBusy(),
    };
    scope.put('/v1/dimensions/:name', options, async (request) => {
      const asked = readRequest(request);
      refuseIfBusy();
      busy = true;
      try {
        const { entry, counts, number } = await load(asked);
        return { ...showDimension(entry), ...counts, changed: number !== null };
      } finally {
        busy = false;
      }
    });
  });
  openapi.add(DIMENSIONS_OPENAPI);
}

function readRequest(request: FastifyRequest): DimensionLoad {
  const { name } = request.params as { name: string };
  const query = request.query as Readonly<Record<string, unknown>>;
  const wrong = (path: string, rule: string, detail: string): ProblemException =>
    new ProblemException(400, { detail, errors: [{ path, rule, detail }] });

  if (!isDimensionName(name))
    throw wrong('params.name', 'name', 'A dimension is named by a-z, 0-9 and _, beginning with a letter, 63 at most.');
  const unknown = Object.keys(query).find((key) => !PARAMETERS.has(key));
  if (unknown !== undefined)
    throw wrong(`query.${unknown}`, 'unknown', `There is no parameter ${unknown.slice(0, 64)}.`);
  const repeated = Object.keys(query).find((key) => typeof query[key] !== 'string');
  if (repeated !== undefined) throw wrong(`query.${repeated}`, 'once', `${repeated} may be given once.`);
  const { mode = 'upsert', key, effective_from: effective, types } = query as Readonly<Record<string, string>>;
  if (mode !== 'upsert' && mode !== 'snapshot') throw wrong('query.mode', 'one_of', 'mode is upsert or snapshot.');
  const effectiveMs = effective === '' ? undefined : instantOf(effective);
  if (effectiveMs === undefined)
    throw wrong('query.effective_from', 'timestamp', 'effective_from is a day or an RFC 3339 time with its zone.');

  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
  if (format === undefined || request.headers['content-encoding'] !== undefined)
    throw new ProblemException(415, { detail: `Send ${Object.keys(FORMATS).join(', ')}, not compressed.` });
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const { principal } = request;
  if (!principal) throw new Error('a route without a principal asks for one');
  return {
    ...{ tenant: principal.tenant, name, mode, effectiveMs, format, body },
    key: key ?? null,
    types: readTypes(types, wrong),
  };
}

function readTypes(
  text: string | undefined,
  wrong: (path: string, rule: string, detail: string) => ProblemException,
): ReadonlyMap<string, AttributeType> {
  const types = new Map<string, AttributeType>();
  for (const part of text === undefined || text === '' ? [] : text.split(',')) {
    const [column, type, more] = part.split(':');
    if (!TYPES.includes(type as AttributeType) || column === '' || more !== undefined)
      throw wrong(
        'query.types',
        'types',
        `types is a list such as zip:string,lat:double; types are ${TYPES.join(', ')}.`,
      );
    types.set(column, type as AttributeType);
  }
  return types;
}
