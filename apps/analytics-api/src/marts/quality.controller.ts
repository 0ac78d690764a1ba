import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { pageOf, QUALITY_DAYS_BEFORE, QUALITY_TABLE, qualityTrendsQuery } from '@millrace/marts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Lake } from '../catalog/lake';
import { asked, checkedParameters, limitOf, type Parameters } from '../http/parameters';
import { sendVersioned } from '../http/versioned-answer';

const KNOWN = ['from', 'to', 'dataset', 'rule', 'limit', 'page'];
const DAY_MS = 86_400_000;

@ApiTags('quality')
@Controller('/v1/quality')
export class QualityController {
  constructor(@Inject(Lake) private readonly lake: Lake) {}

  @Get('trends')
  @Access('viewer')
  @ApiOperation({ summary: 'Results of quality rules by dataset, rule and day of events, and how unusual they are' })
  @ApiQuery({ name: 'from', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'to', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'dataset', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'rule', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'string' } })
  @ApiQuery({ name: 'page', required: false, schema: { type: 'string' } })
  async trends(
    @Caller() { tenant }: Principal,
    @Query() query: Parameters,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const parameters = checkedParameters(query, KNOWN);
    const { from, to, dataset, rule, page } = parameters;
    const limit = limitOf(parameters);
    const catalog = this.lake.catalog();
    const at = catalog && (await this.lake.table(catalog, QUALITY_TABLE));
    const withoutStatus = at !== null && !at.snapshot.fields.some(({ name }) => name === 'status');
    const question = asked(() =>
      qualityTrendsQuery('relation', { tenant, from, to, dataset, rule, limit, page, withoutStatus }),
    );
    const lake = `${catalog?.lineId ?? ''} ${tenant}`;
    await sendVersioned(request, reply, lake, { [QUALITY_TABLE]: at?.snapshot.version ?? -1 }, async () => {
      if (!at) return { rows: [] };
      const min = from && new Date(Date.parse(from) - QUALITY_DAYS_BEFORE * DAY_MS).toISOString().slice(0, 10);
      const files = at.table.prune(at.snapshot, { event_date: { min, max: to } });
      const found = await this.lake.ask(at, { files }, question.sql, question.params);
      return pageOf(question, found.map(withSamples));
    });
  }
}

/** Kept as JSON text, shown as a list. */
const withSamples = (row: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  ...row,
  failing_events: JSON.parse(String(row.failing_events ?? '[]')) as unknown,
});
