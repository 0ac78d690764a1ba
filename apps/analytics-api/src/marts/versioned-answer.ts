import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Sends an answer that depends on the question and on one lake's table versions alone: `X-Table-Versions` names the versions,
 * `ETag` their and the question's hash, and a caller that has this answer already gets 304 before anything is computed.
 */
export async function sendVersioned(
  request: FastifyRequest,
  reply: FastifyReply,
  lake: string,
  versions: Readonly<Record<string, number>>,
  compute: () => Promise<unknown>,
): Promise<void> {
  const named = Object.entries(versions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([table, version]) => `${table}=${version}`)
    .join(', ');
  const etag = `"${createHash('sha256').update(`${lake}\n${request.url}\n${named}`).digest('base64url').slice(0, 27)}"`;
  void reply.header('x-table-versions', named).header('etag', etag).header('cache-control', 'private, no-cache');
  if (matches(request.headers['if-none-match'], etag)) {
    await reply.code(304).send();
    return;
  }
  await reply
    .code(200)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(await compute(), bigints));
}

/** RFC 9110, 13.1.2: weak comparison against a list of tags, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}

const bigints = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
