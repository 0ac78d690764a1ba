import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { EventView } from './event-view';
import { FailedEvents } from './failed-events';
import { findEvent, type FindEventDeps } from './find-event';
import { type ReplayOneDeps, replayOne } from './replay-one';
import { EventTotals } from './totals';

export const FIND_EVENT = Symbol('find event');
export const REPLAY_ONE = Symbol('replay one');
export const PENDING = Symbol('pending');

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;
const PAGE_MAX = 1_000_000;
const ID_CHARS_MAX = 1_024;

export class FailedQuery {
  @ApiPropertyOptional({ description: 'Page, from 1 (default 1).' })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_MAX)
  page?: number;

  @ApiPropertyOptional({ description: `Events a page: 1 to ${LIMIT_MAX} (default ${LIMIT_DEFAULT}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(LIMIT_MAX)
  limit?: number;
}

@ApiTags('admin')
@Controller('/admin')
export class AdminController {
  constructor(
    @Inject(FailedEvents) private readonly failedEvents: FailedEvents,
    @Inject(EventTotals) private readonly totals: EventTotals,
    @Inject(FIND_EVENT) private readonly find: FindEventDeps,
    @Inject(REPLAY_ONE) private readonly replayDeps: ReplayOneDeps,
    @Inject(PENDING) private readonly pending: (tenant: string) => Promise<number>,
  ) {}

  @Get('events/failed')
  @Access('viewer')
  @ApiOperation({ summary: 'Events that wait to be tried again, and dead letters; the newest first' })
  async failed(@Caller() { tenant }: Principal, @Query() query: FailedQuery): Promise<object> {
    const { page = 1, limit = LIMIT_DEFAULT } = query;
    const { events, total } = await this.failedEvents.page(tenant, page, limit);
    return { events, pagination: { page, limit, total, totalPages: Math.ceil(total / limit) } };
  }

  @Get('metrics')
  @Access('viewer')
  @ApiOperation({ summary: 'How many events are where, by type, and how long they take' })
  async metrics(@Caller() { tenant }: Principal): Promise<object> {
    const [{ processed, averageSeconds, byType }, { waiting, trying, open }, pending] = await Promise.all([
      this.totals.read(tenant),
      this.failedEvents.counts(tenant),
      this.pending(tenant),
    ]);
    const counts = { pending, processing: trying, processed, failed: waiting - trying, deadLetter: open };
    return {
      summary: { total: Object.values(counts).reduce((sum, count) => sum + count, 0), ...counts },
      eventsByType: byType,
      processingStats: { averageProcessingTimeSeconds: averageSeconds, totalProcessed: processed },
    };
  }

  @Get('events/:id')
  @Access('viewer')
  @ApiOperation({ summary: 'One event, wherever it is: landed, waiting, a dead letter, or on its way' })
  async event(@Caller() { tenant }: Principal, @Param('id') id: string): Promise<EventView> {
    const found = checked(id) ? await findEvent(this.find, tenant, id) : null;
    if (found === 'behind') {
      const detail = 'There is no such event in what has been processed; not everything has been yet.';
      throw new ProblemException(404, { detail }, { 'retry-after': '5' });
    }
    if (!found) throw new ProblemException(404, { detail: 'There is no such event.' });
    return found;
  }

  @Post('events/:id/replay')
  @HttpCode(200)
  @Access('operator')
  @ApiOperation({ summary: 'Try an event again now, under the contracts in force' })
  async replay(@Caller() { tenant, subject }: Principal, @Param('id') id: string): Promise<object> {
    const replayed = checked(id) ? await replayOne(this.replayDeps, tenant, id, subject) : null;
    if (replayed) return replayed;
    const known = checked(id) ? await this.replayDeps.event(tenant, id) : null;
    if (!known) throw new ProblemException(404, { detail: 'There is no such event that has failed.' });
    throw new ProblemException(409, { detail: `The event is ${known.status}: there is nothing to replay.` });
  }
}

/** An id that can be looked up: what no event can be called is not there. */
const checked = (id: string): boolean => id.length <= ID_CHARS_MAX && !/[\0\ud800-\udfff]/u.test(id);
