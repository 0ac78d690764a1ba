import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { ContractsKeeper } from '../contracts/keeper';
import { storable } from '../landing/postgres/text';
import { decodePage, encodePage, showLate, showSource, showWindow } from './answers';
import { isWindowKind, LATENESS_SECONDS_DEFAULT, WINDOWS } from './kinds';
import { written } from './names';
import type { TimeStore } from './port';
import { LateDataQuery, ROWS_DEFAULT, SourcesQuery, WindowsQuery } from './time.queries';

export const TIME_STORE = Symbol('time store');

const DAY_MS = 86_400_000;
/** Before and after every event time that there can be: the years 1 to 9999. */
const [FIRST_MS, LAST_MS] = [-62_135_596_800_000 - DAY_MS, 253_402_300_799_999 + DAY_MS];

@ApiTags('time')
@Controller('/v1')
export class TimeController {
  constructor(
    @Inject(TIME_STORE) private readonly time: TimeStore,
    @Inject(ContractsKeeper) private readonly keeper: Pick<ContractsKeeper, 'current'>,
  ) {}

  @Get('kpis/:window')
  @Access('viewer')
  @ApiOperation({
    summary: 'Windows over event time: `5m` and `1d` by event type and facility, `1m` sliding by 20 s by facility',
  })
  @ApiParam({ name: 'window', enum: WINDOWS.map(({ kind }) => kind) })
  async windows(
    @Caller() { tenant }: Principal,
    @Param('window') kind: string,
    @Query() query: WindowsQuery,
  ): Promise<object> {
    if (!isWindowKind(kind)) {
      const detail = `Windows are ${WINDOWS.map((shape) => shape.kind).join(', ')}.`;
      throw new ProblemException(404, { detail });
    }
    if (kind === '1m' && query.type !== undefined)
      throw bad('type', 'belongs to 5m and 1d: 1m counts all types together');
    const { limit = ROWS_DEFAULT, page } = query;
    const key = page === undefined ? undefined : (decodePage(page, ['number', 'string', 'string']) ?? badPage());
    const [rows, time] = await Promise.all([
      this.time.windows({
        ...{ tenant, kind, limit },
        fromMs: query.from === undefined ? FIRST_MS : instant('from', query.from, false),
        toMs: query.to === undefined ? LAST_MS : instant('to', query.to, true),
        ...(query.type !== undefined && { eventType: written(storable(query.type)) }),
        ...(query.facility !== undefined && { facility: written(storable(query.facility)) }),
        ...(key && { after: { startMs: key[0], eventType: key[1], facility: key[2] } }),
      }),
      this.time.tenantTime(tenant),
    ]);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      rows: rows.map((row) => showWindow(row, time, (type) => this.allowedSeconds(type))),
      watermark: time ? new Date(time.watermarkMs).toISOString() : null,
      ...(time?.prunedToMs != null && { forgottenTo: new Date(time.prunedToMs).toISOString() }),
      ...(last && { nextPage: encodePage([last.startMs, last.eventType, last.facility]) }),
    };
  }

  @Get('late-data')
  @Access('viewer')
  @ApiOperation({ summary: 'Events that were accepted later than allowed, by the day whose partitions they changed' })
  async lateData(@Caller() { tenant }: Principal, @Query() query: LateDataQuery): Promise<object> {
    const { limit = ROWS_DEFAULT, page, contract } = query;
    const key = page === undefined ? undefined : (decodePage(page, ['string', 'string', 'string']) ?? badPage());
    const rows = await this.time.lateData({
      ...{ tenant, limit, ...days(query), ...(contract !== undefined && { contract: storable(contract) }) },
      ...(query.source !== undefined && { source: written(storable(query.source)) }),
      ...(key && { after: { day: checkedDay('page', key[0]), source: key[1], contract: key[2] } }),
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { rows: rows.map(showLate), ...(last && { nextPage: encodePage([last.day, last.source, last.contract]) }) };
  }

  @Get('late-data/sources')
  @Access('viewer')
  @ApiOperation({
    summary: 'How late the events of each source were accepted, and how far its clock is ahead, by hour',
  })
  async sources(@Caller() { tenant }: Principal, @Query() query: SourcesQuery): Promise<object> {
    const { limit = ROWS_DEFAULT, page } = query;
    const key = page === undefined ? undefined : (decodePage(page, ['string', 'string']) ?? badPage());
    const { from, to } = days(query);
    const rows = await this.time.sourceTimes({
      ...{ tenant, limit },
      ...(from !== undefined && { from: `${from}T00:00:00.000Z` }),
      ...(to !== undefined && { to: new Date(Date.parse(to) + DAY_MS).toISOString() }),
      ...(query.source !== undefined && { source: written(storable(query.source)) }),
      ...(key && { after: { hour: new Date(instant('page', key[0], false)).toISOString(), source: key[1] } }),
    });
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { rows: rows.map(showSource), ...(last && { nextPage: encodePage([last.hour, last.source]) }) };
  }

  /** Of windows over all types: the longest that any contract allows. */
  private allowedSeconds(eventType: string | null): number {
    const contracts = this.keeper.current?.contracts;
    if (eventType !== null)
      return contracts?.contractOf(eventType)?.compiled.latenessSeconds ?? LATENESS_SECONDS_DEFAULT;
    const all = contracts?.contracts.map(({ compiled }) => compiled.latenessSeconds ?? 0) ?? [];
    return Math.max(LATENESS_SECONDS_DEFAULT, ...all);
  }
}

function days({ from, to }: { from?: string; to?: string }): { from?: string; to?: string } {
  if (from !== undefined) checkedDay('from', from);
  if (to !== undefined) checkedDay('to', to);
  if (from !== undefined && to !== undefined && to < from) throw bad('to', 'must not be before from');
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function checkedDay(name: string, day: string): string {
  instant(name, day, false);
  return day.slice(0, 10);
}

/** A date stands for its first instant, or for its last. */
function instant(name: string, text: string, isEnd: boolean): number {
  const ms = Date.parse(text);
  const isReal = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 10));
  if (!isReal) throw bad(name, 'must be a date of the calendar, YYYY-MM-DD, or a time of one');
  return isEnd && text.length === 10 ? ms + DAY_MS - 1 : ms;
}

function bad(name: string, rule: string): ProblemException {
  const detail = `${name} ${rule}.`;
  return new ProblemException(400, { detail, errors: [{ path: `query.${name}`, rule: 'parameter', detail }] });
}

function badPage(): never {
  throw bad('page', 'must be nextPage of an earlier answer to the same question');
}
