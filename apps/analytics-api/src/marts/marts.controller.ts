import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import {
  EXCEPTIONS,
  exceptionsQuery,
  type MartDefinition,
  type MartQuery,
  ON_TIME_GROUPS,
  ON_TIME_PERFORMANCE,
  type OnTimeGroup,
  onTimePerformanceQuery,
  pageOf,
  QueryInputError,
  SHIPMENTS_DAILY,
  shipmentsDailyQuery,
} from '@millrace/marts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Lake } from '../catalog/lake';
import { badParameter, checkedParameters, type Parameters } from '../http/parameters';
import { sendVersioned } from '../http/versioned-answer';

type Build = (relation: string, input: ReturnType<typeof period> & { tenant: string }) => MartQuery;

const PERIOD = ['from', 'to', 'carrier_code', 'limit', 'page'];
const PeriodQuery = (): MethodDecorator => (target, key, descriptor) => {
  for (const name of PERIOD)
    ApiQuery({ name, required: false, schema: { type: 'string' } })(target, key, descriptor as never);
};

@ApiTags('marts')
@Controller('/v1')
export class MartsController {
  constructor(@Inject(Lake) private readonly lake: Lake) {}

  @Get('shipments/daily')
  @Access('viewer')
  @ApiOperation({ summary: 'Shipments by service day and carrier' })
  @PeriodQuery()
  daily(
    @Caller() caller: Principal,
    @Query() query: Parameters,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.answer(caller, SHIPMENTS_DAILY, query, PERIOD, shipmentsDailyQuery, request, reply);
  }

  @Get('on-time-performance')
  @Access('viewer')
  @ApiOperation({ summary: 'On-time performance by carrier, starting facility, lane or service day' })
  @ApiQuery({ name: 'group_by', required: false, enum: ON_TIME_GROUPS })
  @PeriodQuery()
  onTime(
    @Caller() caller: Principal,
    @Query() query: Parameters,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const groupBy = String(query.group_by ?? 'carrier_code').split(',') as OnTimeGroup[];
    const build: Build = (relation, input) => onTimePerformanceQuery(relation, { ...input, groupBy });
    return this.answer(caller, ON_TIME_PERFORMANCE, query, [...PERIOD, 'group_by'], build, request, reply);
  }

  @Get('exceptions')
  @Access('viewer')
  @ApiOperation({ summary: 'Shipments that met an exception, by service day, carrier and facility' })
  @ApiQuery({ name: 'facility_id', required: false })
  @PeriodQuery()
  exceptions(
    @Caller() caller: Principal,
    @Query() query: Parameters,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const build: Build = (relation, input) => exceptionsQuery(relation, { ...input, facilityId: query.facility_id });
    return this.answer(caller, EXCEPTIONS, query, [...PERIOD, 'facility_id'], build, request, reply);
  }

  private async answer(
    { tenant }: Principal,
    mart: MartDefinition,
    query: Parameters,
    known: readonly string[],
    build: Build,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const input = { ...period(checkedParameters(query, known)), tenant };
    // Built once over no relation, so that a question that is none is refused also while the mart is empty.
    this.checked(() => build('nothing', input));
    const catalog = this.lake.catalog();
    const at = catalog && (await this.lake.table(catalog, mart.id));
    const lake = `${catalog?.lineId ?? ''} ${tenant}`;
    await sendVersioned(request, reply, lake, { [mart.id]: at?.snapshot.version ?? -1 }, async () => {
      if (!at) return { rows: [] };
      const files = at.table.prune(at.snapshot, { [mart.partitionColumn]: { min: input.from, max: input.to } });
      const question = this.checked(() => build('relation', input));
      const rows = await this.lake.ask(at, { files }, question.sql, question.params);
      return pageOf(question, rows);
    });
  }

  private checked(build: () => MartQuery): MartQuery {
    try {
      return build();
    } catch (error) {
      if (error instanceof QueryInputError) throw badParameter(error.parameter, error.rule);
      throw error;
    }
  }
}

function period(query: Parameters) {
  const limit =
    query.limit === undefined ? undefined : /^\d{1,9}$/.test(query.limit) ? Number(query.limit) : Number.NaN;
  return { from: query.from, to: query.to, carrierCode: query.carrier_code, limit, page: query.page };
}
