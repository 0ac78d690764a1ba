import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { EVENT_ID_CHARS_MAX } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import { EVENTS_TABLE, FATES_TABLE } from '@millrace/topics';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkedParameters } from '../http/parameters';
import { sendTagged } from '../http/versioned-answer';
import { trace, type TraceDeps } from './trace';
import { traceJson } from './trace-json';

export const TRACE_DEPS = Symbol('trace');

@ApiTags('events')
@Controller('/v1/events')
export class TraceController {
  constructor(@Inject(TRACE_DEPS) private readonly deps: TraceDeps) {}

  @Get(':id/trace')
  @Access('viewer')
  @ApiOperation({ summary: 'The whole way of one event: received, judged, landed, committed, in marts' })
  async read(
    @Caller() { tenant }: Principal,
    @Param('id') id: string,
    @Query() query: Record<string, unknown>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    checkedParameters(query, []);
    if ([...id].length > EVENT_ID_CHARS_MAX) {
      const detail = `An event id has at most ${EVENT_ID_CHARS_MAX} characters.`;
      throw new ProblemException(400, { detail, errors: [{ path: 'params.id', rule: 'length', detail }] });
    }
    const found = await trace(this.deps, tenant, id);
    if (found === 'unknown') {
      const detail = 'More is under way than can be looked through: it is not known whether this event is among it.';
      throw new ProblemException(503, { detail }, { 'retry-after': '5' });
    }
    if (found) {
      const tables = this.deps.lake.catalog()?.tables ?? {};
      const versions = [EVENTS_TABLE, FATES_TABLE].flatMap((table) =>
        tables[table] ? [[table, tables[table].version]] : [],
      );
      return sendTagged(request, reply, Object.fromEntries(versions), traceJson(found));
    }
    const expiredTo = this.deps.lake.catalog()?.tables[EVENTS_TABLE]?.expiredTo;
    const detail = expiredTo
      ? `No event of this id has been received, or its row is deleted: some contracts keep none from before ${expiredTo}.`
      : 'No event of this id has been received.';
    throw new ProblemException(404, { detail }, { 'retry-after': '2' });
  }
}
