import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { adoptContract } from '@millrace/contracts/inference';
import { ProblemException } from '@millrace/service';
import { Type } from 'class-transformer';
import { IsBooleanString, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { ContractsInForce } from '../contracts/contracts-in-force';
import { ContractRegistry } from '../contracts/registry';
import { answering } from '../contracts/registry-problems';
import { DriftReader } from './drift-reader';

const ROWS_DEFAULT = 20;
const ROWS_MAX = 100;

export class DriftQuery {
  @ApiPropertyOptional({ description: 'Only events that were checked against this version.' })
  @IsOptional()
  @Matches(/^[0-9A-Za-z.+_-]{1,64}$/, { message: 'version must be that of a contract' })
  version?: string;

  @ApiPropertyOptional({
    description: 'Only events that came in here, as conservation names it: `http`, `webhook:github`.',
  })
  @IsOptional()
  @Matches(/^\P{Cc}{1,1024}$/u, { message: 'source must have 1 to 1024 characters, and no control characters' })
  source?: string;

  @ApiPropertyOptional({ description: 'Counts of all fields too, not only of what drifted (default false).' })
  @IsOptional()
  @IsBooleanString()
  fields?: string;

  @ApiPropertyOptional({ description: '`nextPage` of the answer before.' })
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{1,4096}$/, { message: 'page must be nextPage of the answer before' })
  page?: string;

  @ApiPropertyOptional({ description: `Rows, at most (default ${ROWS_DEFAULT}, up to ${ROWS_MAX}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(ROWS_MAX)
  limit?: number;
}

@ApiTags('contracts')
@Controller('/v1')
export class DriftController {
  constructor(
    @Inject(DriftReader) private readonly reader: DriftReader,
    @Inject(ContractsInForce) private readonly inForce: ContractsInForce,
    @Inject(ContractRegistry) private readonly registry: ContractRegistry,
  ) {}

  @Get('contracts/:name/drift')
  @Access('viewer')
  @ApiOperation({
    summary: 'How the events of a contract differ from it: new, missing, changed fields',
    description: 'By day of landing, version and source, the newest day first; of the events of your tenant.',
  })
  async drift(
    @Param('name') name: string,
    @Caller() { tenant }: Principal,
    @Query() query: DriftQuery,
  ): Promise<unknown> {
    await this.inForce.reload();
    const contract = this.inForce.current().byName(name);
    if (!contract && (await this.registry.published.entry(name)) === null)
      throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
    const { version, source, page, fields } = query;
    return this.reader.page(
      { tenant, contract: name, version, source, limit: query.limit ?? ROWS_DEFAULT },
      { page, fields: fields === 'true' },
    );
  }

  @Get('inference')
  @Access('viewer')
  @ApiOperation({
    summary: 'Event types without a contract: the policy, and why those of your tenant have none yet',
  })
  inference(@Caller() { tenant }: Principal): Promise<unknown> {
    return this.reader.waiting(tenant);
  }

  @Post('contracts/:name/adopt')
  @Access('operator', { deployment: true })
  @HttpCode(200)
  @ApiOperation({
    summary: 'Take responsibility for an inferred contract',
    description: 'Publishes it as its next whole version, active and no longer marked as unreviewed; audited.',
  })
  async adopt(@Param('name') name: string, @Caller() { subject }: Principal): Promise<unknown> {
    await this.inForce.reload();
    const contract = this.inForce.current().byName(name);
    if (!contract) throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
    if (contract.contract.inferred !== 'unreviewed')
      throw new ProblemException(409, { detail: `The contract ${name} was not inferred, or is adopted already.` });
    const text = await this.registry.published.text(name, contract.version);
    if (text === null) throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
    const adopted = adoptContract(contract.contract, text);
    const { index } = await answering(() => this.registry.publish(adopted.yaml, subject));
    return { name, version: adopted.version, index };
  }
}
