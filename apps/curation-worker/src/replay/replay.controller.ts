import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import type { RecipeStore } from '../recipes/port';
import { recipeFor } from '../recipes/recipe-for';
import { planReplay, type PlanDeps, type Plan } from './plan';
import type { Job, ReplayStore } from './port';
import { SelectionBody, selectionOf } from './selection-body';

export const PLAN_DEPS = Symbol('plan');
export const REPLAY_STORE = Symbol('replays');
export const RECIPE_STORE = Symbol('recipes');
export const WAKE_REPLAYS = Symbol('wake replays');

export const RATE_DEFAULT = 1_000;
const RATE_MAX = 20_000;
/** Plans at once; each may hold some megabytes of items. */
const PLANS_MAX = 2;

export class ReplayBody extends SelectionBody {
  @ApiPropertyOptional({ description: `Events a second, at most: 1 to ${RATE_MAX} (default ${RATE_DEFAULT}).` })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(RATE_MAX)
  ratePerSecond?: number;
}

@ApiTags('quarantine')
@Controller('/v1/quarantine')
export class ReplayController {
  private plans = 0;

  constructor(
    @Inject(PLAN_DEPS) private readonly plan: PlanDeps,
    @Inject(REPLAY_STORE) private readonly replays: ReplayStore,
    @Inject(RECIPE_STORE) private readonly recipes: Pick<RecipeStore, 'get' | 'versions'>,
    @Inject(WAKE_REPLAYS) private readonly wake: () => void,
  ) {}

  @Post('plan')
  @HttpCode(200)
  @Access('operator')
  @ApiOperation({ summary: 'What a replay would do under the contracts in force, tried and not done' })
  async planned(@Caller() { tenant }: Principal, @Body() body: SelectionBody): Promise<Plan> {
    const selection = selectionOf(body);
    const recipe = body.recipe ? await recipeFor(this.recipes, tenant, body.recipe, selection, 'plan') : null;
    if (!this.plan.keeper.current)
      throw new ProblemException(503, { detail: 'No contracts have been read yet.' }, { 'retry-after': '1' });
    if (this.plans >= PLANS_MAX)
      throw new ProblemException(503, { detail: 'Other plans are being made.' }, { 'retry-after': '2' });
    this.plans++;
    try {
      return await planReplay(this.plan, tenant, selection, recipe);
    } finally {
      this.plans--;
    }
  }

  @Post('replay')
  @HttpCode(202)
  @Access('operator')
  @ApiOperation({ summary: 'Replay quarantined items in a job' })
  async replay(@Caller() { tenant, subject }: Principal, @Body() body: ReplayBody): Promise<object> {
    const selection = selectionOf(body);
    const recipe = body.recipe ? await recipeFor(this.recipes, tenant, body.recipe, selection, 'run') : null;
    const rate = body.ratePerSecond ?? RATE_DEFAULT;
    const job = await this.replays.create({ tenant, selection, recipe, rate, createdBy: subject });
    this.wake();
    return showJob(job);
  }

  @Get('jobs/:id')
  @Access('viewer')
  @ApiOperation({ summary: 'How far a replay is, and what came of it' })
  async job(@Caller() { tenant }: Principal, @Param('id') id: string): Promise<object> {
    return showJob(await this.known(tenant, id));
  }

  @Delete('jobs/:id')
  @Access('operator')
  @ApiOperation({ summary: 'Cancel a replay; what it has landed stays landed' })
  async cancel(@Caller() { tenant, subject }: Principal, @Param('id') id: string): Promise<object> {
    const known = await this.known(tenant, id);
    const cancelled = await this.replays.cancel(tenant, known.id, subject);
    if (cancelled) return showJob(cancelled);
    const { state } = await this.known(tenant, id);
    throw new ProblemException(409, { detail: `The job is ${state} already.` });
  }

  private async known(tenant: string, id: string): Promise<Job> {
    const job = UUID.test(id) ? await this.replays.get(tenant, id) : null;
    if (!job) throw new ProblemException(404, { detail: 'There is no such job.' });
    return job;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function showJob(job: Job): object {
  const { id, state, selection, recipe, rate: ratePerSecond, selected, landed, duplicate, failed, failures } = job;
  const done = landed + duplicate + failed;
  return {
    ...{ id, state, selection, recipe, ratePerSecond, selected, landed, duplicate, failed, failures },
    // What somebody else has replayed meanwhile is known at the end.
    remaining: state === 'running' ? Math.max(0, selected - done) : 0,
    createdBy: job.createdBy,
    createdAt: job.createdAt.toISOString(),
    endedBy: job.endedBy,
    endedAt: job.endedAt?.toISOString() ?? null,
  };
}
