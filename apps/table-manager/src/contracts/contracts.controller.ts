import { Controller, Get, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { type ContractSet } from '@millrace/contracts';
import { ProblemException } from '@millrace/service';
import { IsIn, IsOptional } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { AVRO_SCHEMA_TYPE, JSON_SCHEMA_TYPE } from './body-parsers';
import { CONTRACT_FORMATS, type ContractFormat } from './contract-body';
import { ContractsInForce } from './contracts-in-force';
import { ContractRegistry } from './registry';
import { answering } from './registry-problems';
import { COMPATIBILITY_DEFAULT } from './registry-port';
import { showContract } from './show-contract';

export class FormatQuery {
  @ApiPropertyOptional({ enum: CONTRACT_FORMATS, description: 'Default: as `Accept` says, else the ODCS file.' })
  @IsOptional()
  @IsIn(CONTRACT_FORMATS)
  format?: ContractFormat;

  @ApiPropertyOptional({
    enum: ['true', 'false'],
    description: 'With what the format has no word for: `{schema, losses}`.',
  })
  @IsOptional()
  @IsIn(['true', 'false'])
  losses?: string;
}

/** Contracts are the deployment's: every tenant's events are checked against the same ones, so all may read them. */
@ApiTags('contracts')
@Controller('/v1/contracts')
export class ContractsController {
  constructor(
    @Inject(ContractsInForce) private readonly inForce: ContractsInForce,
    @Inject(ContractRegistry) private readonly registry: ContractRegistry,
  ) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Contracts in force' })
  async list(): Promise<unknown> {
    const set = await this.newest();
    const entries = new Map((await this.registry.published.index()).contracts.map((entry) => [entry.name, entry]));
    return {
      index: set.index,
      rows: set.contracts.map(({ name, version, eventTypes, table, dedupe }) => ({
        ...{ name, version, eventTypes, table, dedupe },
        compatibility: entries.get(name)?.compatibility ?? COMPATIBILITY_DEFAULT,
        aliases: entries.get(name)?.aliases ?? {},
      })),
      unavailable: set.unavailable,
    };
  }

  @Get(':name')
  @Access('viewer')
  @ApiOperation({ summary: 'The contract in force: its ODCS file, or the same as JSON, JSON Schema or Avro' })
  @ApiProduces('application/yaml', 'application/json', JSON_SCHEMA_TYPE, AVRO_SCHEMA_TYPE)
  async current(
    @Param('name') name: string,
    @Query() query: FormatQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    const entry = await this.registry.published.entry(name);
    if (!entry) throw absent(name);
    return this.show(name, entry.version, query, accept, reply);
  }

  @Get(':name/versions')
  @Access('viewer')
  @ApiOperation({ summary: 'Published versions of a contract, oldest first' })
  async versions(@Param('name') name: string): Promise<unknown> {
    const versions = await this.registry.published.versions(name);
    if (versions.length === 0) throw absent(name);
    const entry = await this.registry.published.entry(name);
    const aliases = Object.entries(entry?.aliases ?? {});
    return {
      rows: versions.map((version) => ({
        ...{ name, version, inForce: version === entry?.version },
        aliases: aliases.filter(([, to]) => to === version).map(([alias]) => alias),
      })),
    };
  }

  @Get(':name/versions/:version')
  @Access('viewer')
  @ApiOperation({ summary: 'One published version, or the one that an alias points at, as its ODCS file or otherwise' })
  @ApiProduces('application/yaml', 'application/json', JSON_SCHEMA_TYPE, AVRO_SCHEMA_TYPE)
  async version(
    @Param('name') name: string,
    @Param('version') version: string,
    @Query() query: FormatQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.show(name, await this.registry.published.resolve(name, version), query, accept, reply);
  }

  @Get(':name/aliases')
  @Access('viewer')
  @ApiOperation({ summary: 'Movable names of versions, such as `stable`' })
  async aliases(@Param('name') name: string): Promise<unknown> {
    const entry = await this.registry.published.entry(name);
    if (!entry) throw absent(name);
    return { rows: Object.entries(entry.aliases ?? {}).map(([alias, version]) => ({ name, alias, version })) };
  }

  @Get(':name/compatibility')
  @Access('viewer')
  @ApiOperation({ summary: 'What the next version must be compatible with' })
  async compatibility(@Param('name') name: string): Promise<unknown> {
    if (!(await this.registry.published.entry(name))) throw absent(name);
    return { name, mode: await this.registry.modeOf(name) };
  }

  /** A standby has not published them itself. */
  private async newest(): Promise<ContractSet> {
    await this.inForce.reload();
    return this.inForce.current();
  }

  private async show(
    name: string,
    version: string,
    { format, losses }: FormatQuery,
    accept: string | undefined,
    reply: FastifyReply,
  ): Promise<unknown> {
    const text = await this.registry.published.text(name, version);
    if (text === null) throw new ProblemException(404, { detail: 'There is no such contract version.' });
    const shown = await answering(async () => showContract(text, format, accept, losses === 'true'));
    reply.header('content-type', shown.type);
    reply.header('x-contract-version', version);
    return shown.body;
  }
}

const absent = (name: string): ProblemException =>
  new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
