import type { INestApplication } from '@nestjs/common';
import type { AccessPolicy } from '@millrace/auth';
import { PROBLEM_RESPONSE, PROBLEM_SCHEMA, SYSTEM_PATHS } from './parts';
import { SECURITY_SCHEMES, securityOf, templateOf } from './security';

/** Who may call a route, as the service guards it. */
export type RoutePolicy = { readonly method: string; readonly url: string; readonly policy: AccessPolicy };

/** Part of an OpenAPI 3.1 document, as data. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of an open vocabulary
type Json = Record<string, any>;

/** What a service says of its raw routes; Nest's controllers speak for themselves. */
export interface OpenApi {
  /** Adds path items and, optionally, components; a path that exists gains the methods it lacks. */
  add(part: { paths?: Record<string, Json>; components?: Record<string, Json> }): void;
}

export class OpenApiParts implements OpenApi {
  private readonly parts: { paths?: Record<string, Json>; components?: Record<string, Json> }[] = [];

  add(part: { paths?: Record<string, Json>; components?: Record<string, Json> }): void {
    this.parts.push(part);
  }

  /** The whole document. @nestjs/swagger (150 ms of loading) is required here, at the first request for it. */
  async build(
    app: INestApplication,
    info: { name: string; version: string; description?: string },
    policies: readonly RoutePolicy[] = [],
  ): Promise<Json> {
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const builder = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle(`Millrace ${info.name}`)
      .setDescription(info.description ?? '')
      .setVersion(info.version);
    const document = asVersion31(SwaggerModule.createDocument(app, builder.build())) as Json;
    for (const { paths = {}, components = {} } of this.parts) {
      for (const [path, item] of Object.entries(paths)) document.paths[path] = { ...document.paths[path], ...item };
      document.components ??= {};
      for (const [kind, named] of Object.entries(components)) {
        document.components[kind] = { ...document.components[kind], ...named };
      }
    }
    return complete(document, policies);
  }
}

/**
 * What @nestjs/swagger writes in the way of OpenAPI 3.0, in that of 3.1, whose schemas are JSON Schema: `nullable` is
 * a type, an exclusive bound is a number.
 */
export function asVersion31(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asVersion31);
  if (typeof node !== 'object' || node === null) return node;
  const copy: Json = {};
  for (const [key, value] of Object.entries(node)) copy[key] = asVersion31(value);
  if (copy['nullable'] === true) {
    delete copy['nullable'];
    if (copy['type'] !== undefined) copy['type'] = [copy['type'], 'null'].flat();
    else return { anyOf: [copy, { type: 'null' }] };
  }
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ]) {
    if (typeof copy[flag] !== 'boolean') continue;
    if (copy[flag] && copy[bound] !== undefined) {
      copy[flag] = copy[bound];
      delete copy[bound];
    } else delete copy[flag];
  }
  return copy;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

/**
 * Adds what is true of every service: its system paths, that any operation may answer with a problem, and who may call it.
 */
function complete(document: Json, policies: readonly RoutePolicy[]): Json {
  for (const item of Object.values<Json>(document['paths'])) {
    for (const method of METHODS) {
      const operation = item[method];
      if (operation)
        operation.responses = { ...operation.responses, default: operation.responses?.default ?? PROBLEM_RESPONSE };
    }
  }
  document['paths'] = { ...document['paths'], ...structuredClone(SYSTEM_PATHS) };
  for (const { method, url, policy } of policies) {
    const operation = document['paths'][templateOf(url)]?.[method.toLowerCase()];
    if (operation) Object.assign(operation, securityOf(policy));
  }
  document['components'] ??= {};
  document['components'].securitySchemes = SECURITY_SCHEMES;
  document['components'].schemas = { ...document['components'].schemas, Problem: PROBLEM_SCHEMA };
  return document;
}
