import { Body, Controller, Delete, Get, Inject, Param, Put, Query, UseFilters, UseInterceptors } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { SCHEMA_REGISTRY_TYPES } from '../contracts/body-parsers';
import { COMPATIBILITY_MODES, type CompatibilityMode } from '@millrace/contracts/compatibility';
import { isCompatibilityMode } from '../contracts/registry-port';
import { isTrue, SchemaRegistryAnswers, SchemaRegistryFilter } from './answers';
import { SchemaRegistryError } from './registry-error';
import { assertSubject, GLOBAL, SchemaRegistry } from './schema-registry';
import { type Mode, MODES } from './store';

const OPERATOR = ['operator', { deployment: true }] as const;
const DEFAULT = { name: 'defaultToGlobal', required: false, enum: ['true', 'false'] };
const LEVEL_BODY = {
  schema: { type: 'object', properties: { compatibility: { type: 'string', enum: [...COMPATIBILITY_MODES] } } },
};
const MODE_BODY = { schema: { type: 'object', properties: { mode: { type: 'string', enum: [...MODES] } } } };

/** Compatibility level and mode, of all subjects and of one. */
@ApiTags('schema registry')
@Controller('/registry')
@UseFilters(SchemaRegistryFilter)
@UseInterceptors(SchemaRegistryAnswers)
export class SettingsController {
  constructor(@Inject(SchemaRegistry) private readonly registry: SchemaRegistry) {}

  @Get('config')
  @Access('viewer')
  @ApiOperation({ summary: 'Compatibility level of subjects that have none of their own' })
  async level(): Promise<object> {
    return { compatibilityLevel: await this.registry.levelOf(GLOBAL) };
  }

  @Put('config')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Set it' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(LEVEL_BODY)
  setLevel(@Body() body: unknown): Promise<object> {
    return this.putLevel(GLOBAL, body);
  }

  @Get('config/:subject')
  @Access('viewer')
  @ApiOperation({ summary: 'Compatibility level of a subject' })
  @ApiQuery(DEFAULT)
  async levelOf(@Param('subject') subject: string, @Query('defaultToGlobal') fallback: unknown): Promise<object> {
    assertSubject(subject);
    const own = (await this.registry.store.settings(subject)).compatibility;
    if (own === null && !isTrue(fallback))
      throw new SchemaRegistryError(
        'config_not_found',
        `Subject '${subject}' does not have subject-level compatibility configured`,
      );
    return { compatibilityLevel: own ?? (await this.registry.levelOf(subject)) };
  }

  @Put('config/:subject')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Set the compatibility level of a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(LEVEL_BODY)
  setLevelOf(@Param('subject') subject: string, @Body() body: unknown): Promise<object> {
    assertSubject(subject);
    return this.putLevel(subject, body);
  }

  @Delete('config/:subject')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Let a subject have the level of all' })
  async dropLevel(@Param('subject') subject: string): Promise<object> {
    const before = await this.levelOf(subject, 'false');
    await this.registry.store.setSettings(subject, { compatibility: null });
    return before;
  }

  @Get('mode')
  @Access('viewer')
  @ApiOperation({ summary: 'Whether subjects take new versions' })
  async mode(): Promise<object> {
    return { mode: await this.registry.modeOf(GLOBAL) };
  }

  @Put('mode')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Set it' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(MODE_BODY)
  setMode(@Body() body: unknown): Promise<object> {
    return this.putMode(GLOBAL, body);
  }

  @Get('mode/:subject')
  @Access('viewer')
  @ApiOperation({ summary: 'Whether a subject takes new versions' })
  @ApiQuery(DEFAULT)
  async modeOf(@Param('subject') subject: string, @Query('defaultToGlobal') fallback: unknown): Promise<object> {
    assertSubject(subject);
    const own = (await this.registry.store.settings(subject)).mode;
    if (own === null && !isTrue(fallback))
      throw new SchemaRegistryError(
        'mode_not_found',
        `Subject '${subject}' does not have subject-level mode configured`,
      );
    return { mode: own ?? (await this.registry.modeOf(subject)) };
  }

  @Put('mode/:subject')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Set the mode of a subject' })
  @ApiConsumes(...SCHEMA_REGISTRY_TYPES, 'application/json')
  @ApiBody(MODE_BODY)
  setModeOf(@Param('subject') subject: string, @Body() body: unknown): Promise<object> {
    assertSubject(subject);
    return this.putMode(subject, body);
  }

  @Delete('mode/:subject')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Let a subject have the mode of all' })
  async dropMode(@Param('subject') subject: string): Promise<object> {
    const before = await this.modeOf(subject, 'false');
    await this.registry.store.setSettings(subject, { mode: null });
    return before;
  }

  private async putLevel(subject: string, body: unknown): Promise<object> {
    const level = (body as { compatibility?: unknown } | null | undefined)?.compatibility;
    const wanted = typeof level === 'string' ? level.toUpperCase() : level;
    if (!isCompatibilityMode(wanted))
      throw new SchemaRegistryError(
        'invalid_level',
        `Invalid compatibility level. Valid values are ${COMPATIBILITY_MODES.join(', ')}`,
      );
    await this.registry.store.setSettings(subject, { compatibility: wanted satisfies CompatibilityMode });
    return { compatibility: wanted };
  }

  private async putMode(subject: string, body: unknown): Promise<object> {
    const mode = (body as { mode?: unknown } | null | undefined)?.mode;
    const wanted = typeof mode === 'string' ? mode.toUpperCase() : mode;
    // Ids are given here and nowhere else, so none can be brought along.
    if (!MODES.includes(wanted as Mode))
      throw new SchemaRegistryError('invalid_mode', `Invalid mode. Valid values are ${MODES.join(', ')}`);
    await this.registry.store.setSettings(subject, { mode: wanted as Mode });
    return { mode: wanted };
  }
}
