import type { INestApplication } from '@nestjs/common';

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
  async build(app: INestApplication, info: { name: string; version: string; description?: string }): Promise<Json> {
    const { DocumentBuilder, SwaggerModule } = await import('@nestjs/swagger');
    const builder = new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle(`Millrace ${info.name}`)
      .setDescription(info.description ?? '')
      .setVersion(info.version);
    const document = SwaggerModule.createDocument(app, builder.build()) as Json;
    for (const { paths = {}, components = {} } of this.parts) {
      for (const [path, item] of Object.entries(paths)) document.paths[path] = { ...document.paths[path], ...item };
      document.components ??= {};
      for (const [kind, named] of Object.entries(components)) {
        document.components[kind] = { ...document.components[kind], ...named };
      }
    }
    return document;
  }
}
