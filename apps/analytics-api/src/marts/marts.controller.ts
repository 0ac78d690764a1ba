import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiQuery, type ApiQueryOptions, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import {
  EXCEPTIONS,
  exceptionsQuery,
  martAsKnownSql,
  type MartDefinition,
  type MartQuery,
  ON_TIME_GROUPS,
  ON_TIME_PERFORMANCE,
  type OnTimeGroup,
  onTimePerformanceQuery,
  pageOf,
  SHIPMENTS_DAILY,
  shipmentsDailyQuery,
} from '@millrace/marts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Lake, type TableAt } from '../catalog/lake';
import { asked, checkedParameters, limitOf, type Parameters } from '../http/parameters';
import { sendVersioned } from '../http/versioned-answer';
import { assertRowsKept, KNOWN_AT_DAYS_MAX, knownAt, type KnownAtDeps, knownAtTime } from './known-at';

export const KNOWN_AT_DEPS = Symbol('known at');

type Input = ReturnType<typeof period> & { readonly tenant: string };
type Build = (relation: string, input: Input) => MartQuery;

const PERIOD = ['from', 'to', 'carrier_code', 'limit', 'page', 'known_at'];
const KNOWN_AT = `RFC 3339 with its zone: the answer is made of what had been committed by then, at most ${KNOWN_AT_DAYS_MAX} days ago (410 beyond, and for days of which retention deleted rows).`;
const PeriodQuery = (): MethodDecorator => (target, key, descriptor) => {
  for (const name of PERIOD) {
    const more = name === 'known_at' ? { schema: { type: 'string', format: 'date-time' }, description: KNOWN_AT } : {};
    ApiQuery({ name, required: false, schema: { type: 'string' }, ...more } as ApiQueryOptions)(
      target,
      key,
      descriptor as never,
    );
  }
};

@ApiTags('marts')
@Controller('/v1')
export class MartsController {
  constructor(
    @Inject(Lake) private readonly lake: Lake,
    @Inject(KNOWN_AT_DEPS) private readonly known: KnownAtDeps,
  ) {}

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
    asked(() => build('nothing', input));
    if (query.known_at !== undefined) {
      const at = knownAtTime(query.known_at, this.known.now());
      return this.answerAsKnown(at, mart, input, build, request, reply);
    }
    const catalog = this.lake.catalog();
    const at = catalog && (await this.lake.table(catalog, mart.id));
    const lake = `${catalog?.lineId ?? ''} ${tenant}`;
    await sendVersioned(request, reply, lake, { [mart.id]: at?.snapshot.version ?? -1 }, async () => {
      if (!at) return { rows: [] };
      const files = at.table.prune(at.snapshot, { [mart.partitionColumn]: { min: input.from, max: input.to } });
      const question = asked(() => build('relation', input));
      const rows = await this.lake.ask(at, { files }, question.sql, question.params);
      return pageOf(question, rows);
    });
  }

  /** Rows of a batch never change: the answer depends on which batches there were, whatever came since. */
  private async answerAsKnown(
    time: Date,
    mart: MartDefinition,
    input: Input,
    build: Build,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const known = await knownAt(this.known, time);
    if (known) assertRowsKept(known.catalog, mart.id, input.from);
    const read: TableAt[] = [];
    for (const id of [...mart.sources, ...mart.dimensions.map(({ table }) => table)]) {
      const at = known && (await this.lake.table(known.catalog, id));
      if (at) read.push(at);
    }
    const versions = Object.fromEntries(read.map(({ id, snapshot }) => [id, snapshot.version]));
    const lake = `${known?.catalog.lineId ?? ''} ${input.tenant}`;
    const compute = async (): Promise<object> => {
      if (!known || !mart.sources.every((id) => id in versions)) return { rows: [] };
      const { batches } = known;
      const relations = Object.fromEntries(read.map(({ id }, i) => [id, `known_${i}`]));
      const columns = Object.fromEntries(
        read.map(({ id, snapshot }) => [id, new Set(snapshot.fields.map(({ name }) => name))]),
      );
      const relation = martAsKnownSql(mart, { relations, columns, batches, bound: input });
      const question = asked(() => build(relation, input));
      const days = { [mart.partitionExpression]: { min: input.from, max: input.to } };
      const scanned = read.map((at) => {
        const ranges = { ...(mart.sources.includes(at.id) && days), _batch_id: { max: batches.upTo } };
        return [relations[at.id], { at, scan: { files: at.table.prune(at.snapshot, ranges) } }];
      });
      const rows = await this.lake.askOver(Object.fromEntries(scanned), question.sql, question.params);
      return pageOf(question, rows);
    };
    const basis = `batches up to ${known?.batches.number ?? 0} by ${mart.sql}`;
    await sendVersioned(request, reply, lake, versions, compute, basis);
  }
}

function period(query: Parameters) {
  return {
    from: query.from,
    to: query.to,
    carrierCode: query.carrier_code,
    limit: limitOf(query),
    page: query.page,
  };
}
