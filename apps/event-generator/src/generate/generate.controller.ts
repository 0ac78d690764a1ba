import { Controller, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiParam, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { IsInt, IsOptional, Length, Max, Min } from 'class-validator';
import { EVENT_TYPES } from '../events/event';
import { GENERATE_EVENTS_MAX, SEED_CHARS_MAX } from '../limits';
import { IsInstant, known, WholeNumber } from '../parameters';
import { generate, type GenerateDeps, type Generated } from './generate';

export const GENERATE_DEPS = Symbol('generate');

class GenerateQuery {
  @ApiProperty({
    required: false,
    type: Number,
    minimum: 1,
    maximum: GENERATE_EVENTS_MAX,
    default: 1,
    description: 'Events.',
  })
  @WholeNumber()
  @IsInt()
  @Min(1)
  @Max(GENERATE_EVENTS_MAX)
  count = 1;

  @ApiProperty({
    required: false,
    minLength: 1,
    maxLength: SEED_CHARS_MAX,
    description: 'Same seed and `from`: same events, ids included. Drawn and answered where it is not given.',
  })
  @IsOptional()
  @Length(1, SEED_CHARS_MAX)
  seed?: string;

  @ApiProperty({
    required: false,
    format: 'date-time',
    description: 'When the events begin. With a seed 2026-01-05 unless given; without one, so that they end about now.',
  })
  @IsOptional()
  @IsInstant()
  from?: string;
}

@ApiTags('generate')
@Controller('/generate')
export class GenerateController {
  constructor(@Inject(GENERATE_DEPS) private readonly deps: GenerateDeps) {}

  @Post(':type')
  @Access('operator', { deployment: true })
  @HttpCode(200)
  @ApiOperation({ summary: 'Make events and send them to the configured target' })
  @ApiParam({ name: 'type', enum: EVENT_TYPES })
  @ApiResponse({ status: 200, description: 'All of them are acknowledged. Counts, and the id of each.' })
  @ApiResponse({ status: 502, description: 'The target did not acknowledge all of them; how many, and why.' })
  async post(@Param('type') type: string, @Query() query: GenerateQuery): Promise<Generated> {
    const generated = await generate(this.deps, { type: known('type of event', type, EVENT_TYPES), ...query });
    const { problem, acknowledged, count, unknown, seed, from } = generated;
    if (problem === null) return generated;
    const detail =
      `${acknowledged} of ${count} events are acknowledged, of ${unknown} it is unknown: ${problem}. ` +
      `The same events are made again with seed ${JSON.stringify(seed)} and from ${from}.`;
    throw new ProblemException(502, { detail });
  }
}
