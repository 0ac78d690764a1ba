import { isUtf8 } from 'node:buffer';
import { parseStrictJson, ProblemException } from '@millrace/service';
import type { FastifyInstance } from 'fastify';

/** YAML as people and tools call it: the registered type (RFC 9512) and those from before it. */
export const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'] as const;
/** JSON Schema and Avro schemas, as contracts are proposed in them. */
export const JSON_SCHEMA_TYPE = 'application/schema+json';
export const AVRO_SCHEMA_TYPE = 'application/vnd.apache.avro+json';
export const SCHEMA_REGISTRY_TYPES = [
  'application/vnd.schemaregistry.v1+json',
  'application/vnd.schemaregistry+json',
] as const;

/** A body that is kept as text. */
export class TextBody {
  constructor(readonly text: string) {}
}

/** Lets a service take contracts and schemas in the types that they are written in. */
export function addContractParsers(fastify: FastifyInstance): void {
  const text = (_request: unknown, body: Buffer, done: (error: Error | null, body?: unknown) => void): void => {
    if (isUtf8(body)) return done(null, new TextBody(body.toString('utf8')));
    const detail = 'The body is not valid UTF-8.';
    done(new ProblemException(400, { detail, errors: [{ path: '$', rule: 'utf-8', detail }] }));
  };
  fastify.addContentTypeParser([...YAML_TYPES, JSON_SCHEMA_TYPE, AVRO_SCHEMA_TYPE], { parseAs: 'buffer' }, text);
  fastify.addContentTypeParser([...SCHEMA_REGISTRY_TYPES], { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    try {
      // Clients name the type on requests that have no body, too.
      done(null, body.length === 0 ? undefined : parseStrictJson(body));
    } catch (error) {
      done(error as Error);
    }
  });
}
