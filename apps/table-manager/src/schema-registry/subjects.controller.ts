import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Post,
  Query,
  UseFilters,
  UseInterceptors,
} from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { SCHEMA_REGISTRY_TYPES } from '../contracts/body-parsers';
import { isTrue, schemaIn, SchemaRegistryAnswers, SchemaRegistryFilter, shownType } from './answers';
import { SchemaRegistryError } from './registry-error';
import { SchemaRegistry, subjectNotFound } from './schema-registry';
import type { SubjectVersion } from './store';

const SUBJECTS_MAX = 10_000;
const OPERATOR = ['operator', { deployment: true }] as const;
const DELETED = { name: 'deleted', required: false, enum: ['true', 'false'] };
const PERMANENT = { name: 'permanent', required: false, enum: ['true', 'false'] };
export const SCHEMA_BODY = {
  schema: {
    type: 'object',
    required: ['schema'],
    properties: { schema: { type: 'string' }, schemaType: { type: 'string', enum: ['AVRO', 'JSON'] } },
    example: { schema: '{"type":"string"}' },
  },
};

/** The REST API of the Confluent Schema Registry, so that ordinary Kafka serializers register and look up here. */
@ApiTags('schema registry')
@Controller('/registry/subjects')
@UseFilters(SchemaRegistryFilter)
@UseInterceptors(SchemaRegistryAnswers)
export class SubjectsController {
  constructor(@Inject(SchemaRegistry) private readonly registry: SchemaRegistry) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Subjects' })
  @ApiQuery(DELETED)
  @ApiQuery({ name: 'subjectPrefix', required: false })
  subjects(@Query('subjectPrefix') prefix: unknown, @Query('deleted') deleted: unknown): Promise<readonly string[]> {
    // `:*:` is the prefix that serializers send for all.
    const from = typeof prefix === 'string' && prefix !== ':*:' ? prefix.replaceAll('\0', '') : '';
    return this.registry.store.subjects(from, isTrue(deleted), SUBJECTS_MAX);
  }

  @Get(':subject/versions')
  @Access('viewer')
  @ApiOperation({ summary: 'Versions of a subject' })
  @ApiQuery(DELETED)
  async versions(@Param('subject') subject: string, @Query('deleted') deleted: unknown): Promise<number[]> {
    const shown = (await this.registry.versions(subject)).filter((each) => isTrue(deleted) || !each.deleted);
    if (shown.length === 0) throw subjectNotFound(subject);
    return shown.map(({ version }) => version);
  }

  @Get(':subject/versions/:version')
  @Access('viewer')
  @ApiOperation({ summary: 'One version of a subject, by number or `latest`' })
  @ApiQuery(DELETED)
  async version(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('deleted') deleted: unknown,
  ): Promise<object> {
    return shown(await this.registry.version(subject, version, isTrue(deleted)));
  }

  @Get(':subject/versions/:version/schema')
  @Access('viewer')
  @ApiOperation({ summary: 'The schema of one version, alone' })
  @ApiQuery(DELETED)
  async schema(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('deleted') deleted: unknown,
  ): Promise<unknown> {
    return JSON.parse((await this.registry.version(subject, version, isTrue(deleted))).text);
  }

  @Get(':subject/versions/:version/referencedby')
  @Access('viewer')
  @ApiOperation({ summary: 'Schemas that refer to this one: none, as each is whole' })
  async referencedBy(@Param('subject') subject: string, @Param('version') version: string): Promise<number[]> {
    await this.registry.version(subject, version, false);
    return [];
  }

  @Post(':subject/versions')
  @Access(...OPERATOR)
  @HttpCode(200)
  @ApiOperation({ summary: 'Register a schema under a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(SCHEMA_BODY)
  async register(@Param('subject') subject: string, @Body() body: unknown): Promise<object> {
    const { type, text } = schemaIn(body);
    const { id } = await this.registry.register(subject, type, text);
    return { id };
  }

  @Post(':subject')
  @Access('viewer')
  @HttpCode(200)
  @ApiOperation({ summary: 'Look up whether a schema is registered under a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(SCHEMA_BODY)
  @ApiQuery(DELETED)
  async lookUp(
    @Param('subject') subject: string,
    @Body() body: unknown,
    @Query('deleted') deleted: unknown,
  ): Promise<object> {
    const { type, text } = schemaIn(body);
    return shown(await this.registry.lookUp(subject, type, text, isTrue(deleted)));
  }

  @Delete(':subject')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Delete a subject, softly or (then) for good' })
  @ApiQuery(PERMANENT)
  remove(@Param('subject') subject: string, @Query('permanent') permanent: unknown): Promise<number[]> {
    return this.registry.remove(subject, null, isTrue(permanent));
  }

  @Delete(':subject/versions/:version')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Delete one version, softly or (then) for good' })
  @ApiQuery(PERMANENT)
  async removeVersion(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Query('permanent') permanent: unknown,
  ): Promise<number> {
    const [removed] = await this.registry.remove(subject, version, isTrue(permanent));
    if (removed === undefined)
      throw new SchemaRegistryError('version_not_found', `Version ${version.slice(0, 20)} not found.`);
    return removed;
  }
}

const shown = (found: SubjectVersion): object => ({
  ...{ subject: found.subject, id: found.id, version: found.version },
  ...shownType(found),
  schema: found.text,
});
