import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { badParameter, checkedParameters } from '../http/parameters';
import { sendTagged } from '../http/versioned-answer';
import { conservation, type ConservationDeps } from './conservation';
import { pageOfRows, readPage } from './page';

export const CONSERVATION_DEPS = Symbol('conservation');

const DAY_MS = 86_400_000;

@ApiTags('conservation')
@Controller('/v1/conservation')
export class ConservationController {
  constructor(@Inject(CONSERVATION_DEPS) private readonly deps: ConservationDeps) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'received = landed + duplicate + quarantined + pending, per source and accept hour' })
  @ApiQuery({ name: 'from', required: false, description: 'First accept day, YYYY-MM-DD, UTC' })
  @ApiQuery({ name: 'to', required: false, description: 'Last accept day, YYYY-MM-DD, UTC' })
  @ApiQuery({ name: 'limit', required: false, description: 'Rows, 1 to 10,000; totals are of all' })
  @ApiQuery({ name: 'page', required: false, description: '`nextPage` of the page before' })
  async read(
    @Caller() { tenant }: Principal,
    @Query() asked: Record<string, unknown>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const query = checkedParameters(asked, ['from', 'to', 'limit', 'page']);
    const page = readPage(query.limit, query.page);
    const from = day('from', query.from);
    const to = day('to', query.to);
    if (from && to && to < from) throw badParameter('to', 'must not be before from');
    const answer = await conservation(this.deps, tenant, from, to && new Date(to.getTime() + DAY_MS));
    if (answer) {
      return sendTagged(
        request,
        reply,
        {},
        JSON.stringify({ totals: answer.totals, ...pageOfRows(answer.rows, page) }),
      );
    }
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
  throw badParameter(name, 'must be a date, YYYY-MM-DD');
}
