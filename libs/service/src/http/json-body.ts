import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { ProblemException } from '../problem/problem';

/** Parses `application/json` bodies; see ProblemException for what is refused. */
export function addJsonParser(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) {
      const detail = 'The body is not valid UTF-8.';
      done(new ProblemException(400, { detail, errors: [{ path: '$', rule: 'utf-8', detail }] }));
      return;
    }
    parse(request, body.toString(), done);
  });
}
