import {
  Body,
  Controller,
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
import { SCHEMA_TYPES } from './read-schema';
import { SchemaRegistry } from './schema-registry';
import { SCHEMA_BODY } from './subjects.controller';

const VERBOSE = { name: 'verbose', required: false, enum: ['true', 'false'] };

/** Schemas by id, and what would be compatible. */
@ApiTags('schema registry')
@Controller('/registry')
@UseFilters(SchemaRegistryFilter)
@UseInterceptors(SchemaRegistryAnswers)
export class SchemasController {
  constructor(@Inject(SchemaRegistry) private readonly registry: SchemaRegistry) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Whether there is a registry' })
  root(): object {
    return {};
  }

  @Get('schemas/types')
  @Access('viewer')
  @ApiOperation({ summary: 'Types of schemas' })
  types(): readonly string[] {
    return SCHEMA_TYPES;
  }

  @Get('schemas/ids/:id')
  @Access('viewer')
  @ApiOperation({ summary: 'A schema by its id, which means this schema for ever' })
  async schema(@Param('id') id: string): Promise<object> {
    const found = await this.registry.schema(idOf(id));
    return { ...shownType(found), schema: found.text };
  }

  @Get('schemas/ids/:id/schema')
  @Access('viewer')
  @ApiOperation({ summary: 'A schema by its id, alone' })
  async text(@Param('id') id: string): Promise<unknown> {
    return JSON.parse((await this.registry.schema(idOf(id))).text);
  }

  @Get('schemas/ids/:id/subjects')
  @Access('viewer')
  @ApiOperation({ summary: 'Subjects that a schema is registered under' })
  @ApiQuery({ name: 'deleted', required: false, enum: ['true', 'false'] })
  async subjects(@Param('id') id: string, @Query('deleted') deleted: unknown): Promise<string[]> {
    return [...new Set((await this.uses(id, isTrue(deleted))).map(({ subject }) => subject))];
  }

  @Get('schemas/ids/:id/versions')
  @Access('viewer')
  @ApiOperation({ summary: 'Subjects and versions that a schema is registered as' })
  @ApiQuery({ name: 'deleted', required: false, enum: ['true', 'false'] })
  async versions(@Param('id') id: string, @Query('deleted') deleted: unknown): Promise<object[]> {
    return (await this.uses(id, isTrue(deleted))).map(({ subject, version }) => ({ subject, version }));
  }

  @Post('compatibility/subjects/:subject/versions/:version')
  @Access('viewer')
  @HttpCode(200)
  @ApiOperation({ summary: 'Whether a schema is compatible with a version of a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(SCHEMA_BODY)
  @ApiQuery(VERBOSE)
  test(
    @Param('subject') subject: string,
    @Param('version') version: string,
    @Body() body: unknown,
    @Query('verbose') verbose: unknown,
  ): Promise<object> {
    return this.verdict(subject, version, body, verbose);
  }

  @Post('compatibility/subjects/:subject/versions')
  @Access('viewer')
  @HttpCode(200)
  @ApiOperation({ summary: 'Whether a schema could be registered under a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(SCHEMA_BODY)
  @ApiQuery(VERBOSE)
  testAll(
    @Param('subject') subject: string,
    @Body() body: unknown,
    @Query('verbose') verbose: unknown,
  ): Promise<object> {
    return this.verdict(subject, null, body, verbose);
  }

  private async verdict(subject: string, version: string | null, body: unknown, verbose: unknown): Promise<object> {
    const { type, text } = schemaIn(body);
    const { compatible, messages } = await this.registry.test(subject, version, type, text);
    return { is_compatible: compatible, ...(isTrue(verbose) && { messages }) };
  }

  private async uses(id: string, deleted: boolean) {
    await this.registry.schema(idOf(id));
    return (await this.registry.store.uses(idOf(id))).filter((use) => deleted || !use.deleted);
  }
}

const idOf = (text: string): number => (/^\d{1,10}$/.test(text) ? Number(text) : 0);
