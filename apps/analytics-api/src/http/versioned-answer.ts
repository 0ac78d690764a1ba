import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Table versions that an answer was made from, by table id. */
export type Versions = Readonly<Record<string, number>>;

/**
 * Sends an answer that depends on the question, the tenant and one lake's table versions alone (`lake` names both): `X-Table-Versions` names the
 * versions, `ETag` their and the question's hash, and a caller that has this answer already gets 304 before anything is
 * computed. `basis` is what the answer depends on where that is not the tables' versions.
 */
export async function sendVersioned(
  request: FastifyRequest,
  reply: FastifyReply,
  lake: string,
  versions: Versions,
  compute: () => Promise<unknown>,
  basis = nameVersions(versions),
): Promise<void> {
  const etag = tagOf(`${lake}\n${request.url}\n${basis}`);
  if (await sentNotModified(request, reply, nameVersions(versions), etag)) return;
  await sendJson(reply, JSON.stringify(await compute(), bigints));
}

/** Sends an answer that depends on more than tables: its tag is that of its content. `json` is its text. */
export async function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  versions: Versions,
  json: string,
): Promise<void> {
  if (await sentNotModified(request, reply, nameVersions(versions), tagOf(json))) return;
  await sendJson(reply, json);
}

const nameVersions = (versions: Versions): string =>
  Object.entries(versions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([table, version]) => `${table}=${version}`)
    .join(', ');

const tagOf = (text: string): string => `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;

async function sentNotModified(
  request: FastifyRequest,
  reply: FastifyReply,
  versions: string,
  etag: string,
): Promise<boolean> {
  void reply.header('x-table-versions', versions).header('etag', etag).header('cache-control', 'private, no-cache');
  void reply.header('vary', 'authorization, x-api-key, x-goog-iap-jwt-assertion');
  if (!matches(request.headers['if-none-match'], etag)) return false;
  await reply.code(304).send();
  return true;
}

async function sendJson(reply: FastifyReply, json: string): Promise<void> {
  await reply.code(200).type('application/json; charset=utf-8').send(json);
}

/** RFC 9110, 13.1.2: weak comparison against a list of tags, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

const bigints = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
