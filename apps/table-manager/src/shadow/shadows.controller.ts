import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ApiBody, ApiConsumes, ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { GROUPS, TOPICS, type WorkResult } from '@millrace/topics';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { proposedText } from '../contracts/proposed-text';
import { ContractRegistry } from '../contracts/registry';
import { answering } from '../contracts/registry-problems';
import { type Shadow, ShadowStore } from './shadow-store';
import { Shadows } from './shadows';

const DAYS_DEFAULT = 7;
const DAYS_MAX = 365;
const LISTED_MAX = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const OPERATOR = ['operator', { deployment: true }] as const;
const VIEWER = ['viewer', { deployment: true }] as const;

export class ShadowQuery {
  @ApiPropertyOptional({ description: `Days of raw data, today included (default ${DAYS_DEFAULT}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(DAYS_MAX)
  days?: number;
}

/** Counts are over every tenant's events, so only the deployment's own people see them. */
@ApiTags('contracts')
@Controller('/v1/contracts/:name/shadow')
export class ShadowsController {
  constructor(
    @Inject(Shadows) private readonly shadows: Shadows,
    @Inject(ShadowStore) private readonly store: ShadowStore,
    @Inject(ContractRegistry) private readonly registry: ContractRegistry,
  ) {}

  @Post()
  @Access(...OPERATOR)
  @HttpCode(202)
  @ApiOperation({
    summary: 'Try a proposed version on raw data before publishing it',
    description: 'Which items the contract in force takes and the proposed one would refuse, by rule and source.',
  })
  @ApiConsumes('application/yaml', 'application/json')
  @ApiBody({ description: 'An Open Data Contract Standard 3.1 document.', schema: { type: 'object' } })
  async request(
    @Param('name') name: string,
    @Query() { days = DAYS_DEFAULT }: ShadowQuery,
    @Body() body: unknown,
    @Caller() { subject: by, tenant }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { text } = await answering(() => proposedText(this.registry, body, { format: 'odcs', name }));
    const shadow = await answering(() => this.shadows.request({ text, days, by, tenant }));
    reply.header('location', `/v1/contracts/${encodeURIComponent(name)}/shadow/${shadow.id}`);
    return shown(shadow);
  }

  @Get()
  @Access(...VIEWER)
  @ApiOperation({ summary: 'Trials of versions of a contract, newest first' })
  async list(@Param('name') name: string): Promise<object> {
    return { rows: (await this.store.list(name, LISTED_MAX)).map(shown) };
  }

  @Get(':id')
  @Access(...VIEWER)
  @ApiOperation({ summary: 'A trial: how far it is, and what it has found' })
  async one(@Param('name') name: string, @Param('id') id: string): Promise<object> {
    const shadow = UUID.test(id) ? await this.store.one(name, id) : null;
    if (!shadow) throw absent();
    return shown(shadow);
  }

  @Delete(':id')
  @Access(...OPERATOR)
  @HttpCode(202)
  @ApiOperation({ summary: 'End a trial; what it has found so far stays' })
  async cancel(
    @Param('name') name: string,
    @Param('id') id: string,
    @Caller() { subject }: Principal,
  ): Promise<object> {
    const shadow = UUID.test(id) ? await this.shadows.cancel(name, id, subject) : null;
    if (!shadow) throw absent();
    return shown(shadow);
  }

  /** What curation-worker tells of its work. */
  @EventPattern(TOPICS.workResults.name, { group: GROUPS.tableManagerWork.group })
  async onWorkResult(@Payload() result: WorkResult): Promise<void> {
    await this.shadows.told(result);
  }
}

const absent = (): ProblemException => new ProblemException(404, { detail: 'There is no such shadow.' });

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Number(((100 * part) / whole).toFixed(4)));

function shown({ tenant: _tenant, result, ...shadow }: Shadow): object {
  return { ...shadow, result: result && { ...result, breaksPercent: percent(result.breaks, result.items) } };
}
