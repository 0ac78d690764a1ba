import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Length, Matches, Max, Min } from 'class-validator';

export const ROWS_DEFAULT = 1_000;
const ROWS_MAX = 10_000;
const DAY = /^(?!0000)\d{4}-\d\d-\d\d$/;
const DAY_OR_TIME = /^(?!0000)\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?Z)?$/;

class PageQuery {
  @ApiPropertyOptional({ description: '`nextPage` of the answer before.' })
  @IsOptional()
  @Matches(/^[\w-]{1,4096}$/, { message: 'page must be nextPage of the answer before' })
  page?: string;

  @ApiPropertyOptional({ description: `Rows, at most (default ${ROWS_DEFAULT}, up to ${ROWS_MAX}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(ROWS_MAX)
  limit?: number;
}

export class WindowsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Start of the first window: a UTC date, or a time as 2026-01-15T10:30:00Z.' })
  @IsOptional()
  @Matches(DAY_OR_TIME, { message: 'from must be a date, YYYY-MM-DD, or a time in UTC' })
  from?: string;

  @ApiPropertyOptional({ description: 'Start of the last window, inclusive: a date stands for its whole day.' })
  @IsOptional()
  @Matches(DAY_OR_TIME, { message: 'to must be a date, YYYY-MM-DD, or a time in UTC' })
  to?: string;

  @ApiPropertyOptional({ description: 'Only this event type; not with `1m`, which counts all types together.' })
  @IsOptional()
  @Length(1, 200)
  type?: string;

  @ApiPropertyOptional({ description: 'Only this facility.' })
  @IsOptional()
  @Length(1, 200)
  facility?: string;
}

class DaysQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'First day, YYYY-MM-DD, UTC.' })
  @IsOptional()
  @Matches(DAY, { message: 'from must be a date, YYYY-MM-DD' })
  from?: string;

  @ApiPropertyOptional({ description: 'Last day, YYYY-MM-DD, UTC, inclusive.' })
  @IsOptional()
  @Matches(DAY, { message: 'to must be a date, YYYY-MM-DD' })
  to?: string;

  @ApiPropertyOptional({ description: 'Only this source.' })
  @IsOptional()
  @Length(1, 200)
  source?: string;
}

export class LateDataQuery extends DaysQuery {
  @ApiPropertyOptional({ description: 'Only events under this contract.' })
  @IsOptional()
  @Length(1, 100)
  contract?: string;
}

export class SourcesQuery extends DaysQuery {}
