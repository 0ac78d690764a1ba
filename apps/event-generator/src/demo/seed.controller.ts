import { Controller, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { PER_INGESTION_MAX } from '../limits';
import { known, WholeNumber } from '../parameters';
import { seed, type SeedDeps, type Seeded } from './seed';

export const SEED_DEPS = Symbol('seed');

export type SeedControllerDeps = SeedDeps & { readonly dataSets: () => readonly string[] };

class SeedQuery {
  @ApiProperty({ required: false, minimum: 1, description: 'Lines to send, from the first on; all unless given.' })
  @IsOptional()
  @WholeNumber()
  @IsInt()
  @Min(1)
  limit?: number;

  @ApiProperty({
    required: false,
    type: Number,
    minimum: 1,
    maximum: PER_INGESTION_MAX,
    default: 1_000,
    description: 'Lines a request.',
  })
  @WholeNumber()
  @IsInt()
  @Min(1)
  @Max(PER_INGESTION_MAX)
  per_ingestion_max = 1_000;
}

@ApiTags('demo')
@Controller('/api/demo/seed')
export class SeedController {
  constructor(@Inject(SEED_DEPS) private readonly deps: SeedControllerDeps) {}

  @Post(':dataset')
  @Access('operator', { deployment: true })
  @HttpCode(200)
  @ApiOperation({ summary: 'Send a bundled data set to the configured target, damaged lines included' })
  @ApiParam({ name: 'dataset', description: 'Such as shipments; 404 names what there is.' })
  @ApiResponse({ status: 200, description: 'All lines are acknowledged. Counts.' })
  @ApiResponse({ status: 502, description: 'The target did not acknowledge all of them; how many, and why.' })
  async post(@Param('dataset') name: string, @Query() query: SeedQuery): Promise<Seeded> {
    const dataset = known('data set', name, this.deps.dataSets());
    const seeded = await seed(this.deps, { dataset, limit: query.limit, perIngestionMax: query.per_ingestion_max });
    if (seeded.problem === null) return seeded;
    const { acknowledged, unknown, problem } = seeded;
    const detail = `${acknowledged} lines are acknowledged, of ${unknown} it is unknown: ${problem}. The rest was not sent.`;
    throw new ProblemException(502, { detail });
  }
}
