import type { FastifyInstance } from 'fastify';
import { parseStrictJson } from '../json/strict-json';

/** `application/json` and nothing else, parsed strictly; a scope that takes other types adds its own parsers. */
export function addJsonParser(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    try {
      done(null, parseStrictJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}
