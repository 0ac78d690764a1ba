import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { ProblemException } from '@millrace/service';
import { conservation, type ConservationAnswer, type ConservationDeps } from './conservation';

export const CONSERVATION_DEPS = Symbol('conservation');

const DAY_MS = 86_400_000;

@ApiTags('conservation')
@Controller('/v1/conservation')
export class ConservationController {
  constructor(@Inject(CONSERVATION_DEPS) private readonly deps: ConservationDeps) {}

  @Get()
  @ApiOperation({ summary: 'received = landed + duplicate + quarantined + pending, per source and accept hour' })
  @ApiQuery({ name: 'from', required: false, description: 'First accept day, YYYY-MM-DD, UTC' })
  @ApiQuery({ name: 'to', required: false, description: 'Last accept day, YYYY-MM-DD, UTC' })
  async read(@Query() query: Readonly<Record<string, string | undefined>>): Promise<ConservationAnswer> {
    const from = day('from', query.from);
    const to = day('to', query.to);
    const answer = await conservation(this.deps, from, to && new Date(to.getTime() + DAY_MS));
    if (answer) return answer;
    throw new ProblemException(
      503,
      { detail: 'What was received is not counted up to now yet.' },
      { 'retry-after': '1' },
    );
  }
}

function day(name: string, value: string | undefined): Date | null {
  if (value === undefined) return null;
  const date = new Date(`${value}T00:00:00.000Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value))
    return date;
  const detail = `${name} must be a date, YYYY-MM-DD.`;
  throw new ProblemException(400, { detail, errors: [{ path: `query.${name}`, rule: 'date', detail }] });
}
