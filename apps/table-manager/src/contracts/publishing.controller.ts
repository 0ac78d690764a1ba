import { Body, Controller, Delete, Headers, HttpCode, Inject, Param, Post, Put, Query, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { COMPATIBILITY_MODES, type CompatibilityMode } from '@millrace/contracts/compatibility';
import { ProblemException } from '@millrace/service';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { AVRO_SCHEMA_TYPE, JSON_SCHEMA_TYPE } from './body-parsers';
import { CONTRACT_FORMATS, type ContractFormat, formatOf } from './contract-body';
import { type Proposed, proposedText } from './proposed-text';
import { ContractRegistry } from './registry';
import { answering } from './registry-problems';

export class ProposalQuery {
  @ApiPropertyOptional({ enum: CONTRACT_FORMATS, description: 'What the body is. Default: as its Content-Type says.' })
  @IsOptional()
  @IsIn(CONTRACT_FORMATS)
  format?: ContractFormat;

  @ApiPropertyOptional({ description: 'Of a JSON Schema or Avro schema, which has none: the version that it becomes.' })
  @IsOptional()
  @IsString()
  @Length(1, 64)
  version?: string;
}

export class CheckQuery extends ProposalQuery {
  @ApiPropertyOptional({ enum: COMPATIBILITY_MODES, description: 'Default: the mode of the contract.' })
  @IsOptional()
  @IsIn(COMPATIBILITY_MODES)
  mode?: CompatibilityMode;
}

export class ModeBody {
  @ApiProperty({ enum: COMPATIBILITY_MODES })
  @IsIn(COMPATIBILITY_MODES)
  mode!: CompatibilityMode;
}

export class AliasBody {
  @ApiProperty({ description: 'A published version.' })
  @IsString()
  @Length(1, 64)
  version!: string;
}

const OPERATOR = ['operator', { deployment: true }] as const;
const TAKES = ['application/yaml', 'application/json', JSON_SCHEMA_TYPE, AVRO_SCHEMA_TYPE] as const;
const PUBLISH =
  'A version is written once: the same again changes nothing (200), another content under it is 409, as is a version ' +
  'that is not compatible by the mode of the contract; the answer then has each finding with a counter-example.';
const CONTRACT = { description: 'An Open Data Contract Standard 3.1 document, a JSON Schema, or an Avro schema.' };

/** Contracts are the deployment's, so only its own operators publish them. */
@ApiTags('contracts')
@Controller('/v1/contracts')
export class PublishingController {
  constructor(@Inject(ContractRegistry) private readonly registry: ContractRegistry) {}

  @Post()
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Publish a contract, or the next version of one', description: PUBLISH })
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody({ ...CONTRACT, schema: { type: 'object' } })
  async create(
    @Body() body: unknown,
    @Caller() { subject }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.publish(await answering(() => proposedText(this.registry, body, { format: 'odcs' })), subject, reply);
  }

  @Put(':name')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Publish a version of this contract', description: PUBLISH })
  @ApiConsumes(...TAKES)
  @ApiBody({ ...CONTRACT, schema: { type: 'object' } })
  async replace(
    @Param('name') name: string,
    @Query() query: ProposalQuery,
    @Body() body: unknown,
    @Headers('content-type') type: string | undefined,
    @Caller() { subject }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.publish(await this.proposed(name, query, body, type), subject, reply);
  }

  @Post(':name/check')
  @Access('viewer')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Whether a version is compatible, and why not',
    description: 'Each finding has the field, the rule, whom it breaks, a mend, and a payload that shows it.',
  })
  @ApiConsumes(...TAKES)
  @ApiBody({ ...CONTRACT, schema: { type: 'object' } })
  async check(
    @Param('name') name: string,
    @Query() query: CheckQuery,
    @Body() body: unknown,
    @Headers('content-type') type: string | undefined,
  ): Promise<unknown> {
    const { text, losses } = await this.proposed(name, query, body, type);
    const verdict = await answering(() => this.registry.check(text, query.mode));
    return { ...verdict, ...(losses.length > 0 && { losses }) };
  }

  @Put(':name/aliases/:alias')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Point an alias at a published version' })
  async setAlias(
    @Param('name') name: string,
    @Param('alias') alias: string,
    @Body() { version }: AliasBody,
    @Caller() { subject }: Principal,
  ): Promise<unknown> {
    const changed = await answering(() => this.registry.setAlias(name, alias, version, subject));
    return { name, alias, version, changed };
  }

  @Delete(':name/aliases/:alias')
  @Access(...OPERATOR)
  @HttpCode(204)
  @ApiOperation({ summary: 'Take an alias away' })
  async removeAlias(
    @Param('name') name: string,
    @Param('alias') alias: string,
    @Caller() { subject }: Principal,
  ): Promise<void> {
    if (await answering(() => this.registry.removeAlias(name, alias, subject))) return;
    throw new ProblemException(404, { detail: 'There is no such alias.' });
  }

  @Put(':name/compatibility')
  @Access(...OPERATOR)
  @ApiOperation({ summary: 'Say what the next version must be compatible with' })
  async setMode(
    @Param('name') name: string,
    @Body() { mode }: ModeBody,
    @Caller() { subject }: Principal,
  ): Promise<unknown> {
    const changed = await answering(() => this.registry.setMode(name, mode, subject));
    return { name, mode, changed };
  }

  private proposed(name: string, query: ProposalQuery, body: unknown, type: string | undefined): Promise<Proposed> {
    const format = formatOf(query.format, type);
    return answering(() => proposedText(this.registry, body, { format, name, version: query.version }));
  }

  private async publish({ text, losses }: Proposed, by: string, reply: FastifyReply): Promise<unknown> {
    const { changed, ...published } = await answering(() => this.registry.publish(text, by));
    reply.status(changed ? 201 : 200);
    return { ...published, changed, ...(losses.length > 0 && { losses }) };
  }
}
