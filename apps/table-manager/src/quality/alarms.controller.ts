import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { FailurePage, QualityStore } from './quality-store';

export const QUALITY_STORE = Symbol('quality store');

const ROWS_DEFAULT = 100;
const ROWS_MAX = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class AlarmsQuery {
  @ApiPropertyOptional({ enum: ['open', 'closed'], description: 'Default both.' })
  @IsOptional()
  @IsIn(['open', 'closed'])
  status?: string;

  @ApiPropertyOptional({ description: 'Only of this contract.' })
  @IsOptional()
  @Matches(/^[a-z][a-z0-9_.-]{0,99}$/, { message: 'dataset must be the name of a contract' })
  dataset?: string;

  @ApiPropertyOptional({ description: 'Only of this rule.' })
  @IsOptional()
  @Matches(/^[A-Za-z][A-Za-z0-9_.-]{0,199}$/, { message: 'rule must be the id of a rule' })
  rule?: string;

  @ApiPropertyOptional({ enum: ['error', 'warning'], description: 'Default error.' })
  @IsOptional()
  @IsIn(['error', 'warning'])
  severity?: string;

  @ApiPropertyOptional({ description: '`nextPage` of the answer before.' })
  @IsOptional()
  @Matches(/^[A-Za-z0-9_-]{1,512}$/, { message: 'page must be nextPage of the answer before' })
  page?: string;

  @ApiPropertyOptional({ description: `Rows, at most (default ${ROWS_DEFAULT}, up to ${ROWS_MAX}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(ROWS_MAX)
  limit?: number;
}

@ApiTags('quality')
@Controller('/v1/quality/alarms')
export class AlarmsController {
  constructor(@Inject(QUALITY_STORE) private readonly store: Pick<QualityStore, 'page'>) {}

  @Get()
  @Access('viewer')
  @ApiOperation({
    summary: 'Which quality rules fail, for which day of events, since when and until when',
    description: 'The newest first. Closed ones are kept for 90 days. A freshness rule is about no day.',
  })
  async list(@Caller() { tenant }: Principal, @Query() query: AlarmsQuery): Promise<unknown> {
    const { status, dataset, rule, severity = 'error', page, limit = ROWS_DEFAULT } = query;
    const open = status === undefined ? undefined : status === 'open';
    const after = page === undefined ? null : placeOf(page);
    const rows = await this.store.page({ tenant, open, dataset, rule, severity, limit: limit + 1, after });
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    const nextPage = last && Buffer.from(JSON.stringify([last.openedAt, last.id])).toString('base64url');
    return {
      rows: shown.map(({ tenant: _own, day, ...row }) => ({ ...row, day: day === '' ? null : day })),
      ...(nextPage && { nextPage }),
    };
  }
}

function placeOf(page: string): FailurePage['after'] {
  const detail = 'page must be the nextPage of an earlier answer.';
  try {
    const place: unknown = JSON.parse(Buffer.from(page, 'base64url').toString('utf8'));
    if (Array.isArray(place) && place.length === 2 && place.every((part) => typeof part === 'string')) {
      const [openedAt, id] = place as string[];
      if (UUID.test(id) && new Date(openedAt).toISOString() === openedAt) return { openedAt, id };
    }
  } catch {
    // Not one of ours.
  }
  throw new ProblemException(400, { detail, errors: [{ path: 'query.page', rule: 'page', detail }] });
}
