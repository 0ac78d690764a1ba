import { Readable } from 'node:stream';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Res, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import type { Clock, Random } from '@millrace/observability';
import { ProblemException } from '@millrace/service';
import type { FastifyReply } from 'fastify';
import { LOAD_EVENTS_MAX, LOADS_KEPT_MAX, LOADS_RUNNING_MAX } from '../limits';
import { instantMs } from '../parameters';
import { LoadBody } from './load.dto';
import { Loads, type LoadStatus } from './loads';
import { itemsOf, type LoadSpec } from './plan';

export const LOAD_DEPS = Symbol('load');

export interface LoadControllerDeps {
  readonly loads: Loads;
  readonly clock: Clock;
  readonly random: Random;
}

@ApiTags('load')
@Controller('/load')
export class LoadController {
  constructor(@Inject(LOAD_DEPS) private readonly deps: LoadControllerDeps) {}

  @Post()
  @Access('operator', { deployment: true })
  @HttpCode(202)
  @ApiOperation({ summary: 'Send events at a rate, with duplicates, late and corrupt ones among them' })
  @ApiResponse({ status: 202, description: 'It runs; Location leads to its progress and result.' })
  @ApiResponse({ status: 429, description: `${LOADS_RUNNING_MAX} loads run already.` })
  post(@Body() body: LoadBody, @Res({ passthrough: true }) reply: FastifyReply): LoadStatus {
    const load = this.deps.loads.start(this.specOf(body));
    if (!load) {
      const detail = `${LOADS_RUNNING_MAX} loads run already; wait for one, or cancel it.`;
      throw new ProblemException(429, { detail }, { 'retry-after': '5' });
    }
    reply.header('location', `/load/${load.id}`);
    return load;
  }

  @Get()
  @Access('viewer', { deployment: true })
  @ApiOperation({ summary: 'The loads that run, and the last ones that ended' })
  list(): { rows: LoadStatus[] } {
    return { rows: this.deps.loads.list() };
  }

  @Get(':id')
  @Access('viewer', { deployment: true })
  @ApiOperation({ summary: 'Progress of a load, and its result: what was sent, and what has to come of it' })
  get(@Param('id') id: string): LoadStatus {
    return this.deps.loads.get(id) ?? unknownLoad();
  }

  @Get(':id/manifest')
  @Access('viewer', { deployment: true })
  @ApiOperation({ summary: 'Every item that a load sent, a line of JSON each, with the id of its event' })
  @ApiResponse({ status: 200, description: 'application/x-ndjson' })
  @ApiResponse({ status: 409, description: 'It still runs.' })
  manifest(@Param('id') id: string): StreamableFile {
    const { state } = this.get(id);
    if (state === 'running')
      throw new ProblemException(409, { detail: 'The load runs; its manifest follows its end.' });
    const lines = this.deps.loads.manifest(id) ?? unknownLoad();
    return new StreamableFile(Readable.from(lines, { objectMode: false }), { type: 'application/x-ndjson' });
  }

  @Delete(':id')
  @Access('operator', { deployment: true })
  @ApiOperation({ summary: 'Cancel a load; answers once nothing of it is on its way' })
  async cancel(@Param('id') id: string): Promise<LoadStatus> {
    return (await this.deps.loads.cancel(id)) ?? unknownLoad();
  }

  private specOf(body: LoadBody): LoadSpec {
    const { seed, from, eventsPerRequest, ...rest } = body;
    const spec: LoadSpec = {
      ...rest,
      seed: seed ?? this.deps.random.bytes(6).toString('hex'),
      fromMs: instantMs(from) ?? this.deps.clock.now(),
      eventsPerRequest: eventsPerRequest ?? Math.min(100, Math.max(1, Math.round(body.ratePerSecond / 50))),
    };
    const shares = spec.duplicates + spec.late + spec.corrupt;
    if (shares > 1)
      throw refused('$', 'shares', `duplicates, late and corrupt are together ${shares}, which is more than 1`);
    const items = itemsOf(spec);
    if (items < 1 || items > LOAD_EVENTS_MAX) {
      throw refused(
        '$.seconds',
        'items',
        `ratePerSecond times seconds is ${items} items; a load has 1 to ${LOAD_EVENTS_MAX}`,
      );
    }
    return spec;
  }
}

function refused(path: string, rule: string, detail: string): ProblemException {
  return new ProblemException(400, { detail: `${detail}.`, errors: [{ path, rule, detail }] });
}

function unknownLoad(): never {
  const detail =
    `There is no load of this id. Loads are kept in memory: a restart of this service ends and forgets them, and of ` +
    `those that ended the last ${LOADS_KEPT_MAX} are kept. What was sent stays sent.`;
  throw new ProblemException(404, { detail });
}
