import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { Type } from 'class-transformer';
import { IsIn, IsObject, IsOptional, IsString, Matches, MaxLength, MinLength, ValidateNested } from 'class-validator';
import { withKeys } from '../privacy/keys-away';
import type { LakeKeys } from '../privacy/lake-keys';
import { type ErasurePlan, planErasure, type PlanDeps } from './plan';
import { type Erasure, type ErasureStore, ROWS, type Rows } from './port';

export const ERASURES = Symbol('erasures');

/** What the endpoints need. */
export interface ErasureParts {
  readonly store: Pick<ErasureStore, 'create' | 'get' | 'list' | 'cancel'>;
  readonly plan: PlanDeps;
  readonly lakeKeys: () => Promise<Pick<LakeKeys, 'lookup'>>;
  /** End of each partition of the log. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>;
  readonly wake: () => void;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const VALUE_CHARS_MAX = 1_024;
const LISTED_MAX = 100;
/** A plan reads for as long as this, ms; what it has not looked through by then fails it. */
const PLAN_MS_MAX = 60_000;

export class SubjectBody {
  @ApiProperty({ description: 'What subjects of this sort are called, as `kind` in the contracts’ `privacy`.' })
  @Matches(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, { message: 'kind must be the kind of a contract, e.g. customer' })
  kind!: string;

  @ApiProperty({ description: 'As payloads name it; a number as its digits.' })
  @IsString()
  @MinLength(1)
  @MaxLength(VALUE_CHARS_MAX)
  value!: string;
}

export class ErasureBody {
  @ApiProperty({ type: SubjectBody })
  // An array is nested too, and has nothing to be refused for where it is empty.
  @IsObject({ message: 'subject must name a kind and a value' })
  @ValidateNested()
  @Type(() => SubjectBody)
  subject!: SubjectBody;

  @ApiPropertyOptional({
    enum: ROWS,
    description:
      '`delete` (default): rows with tokens of the subject are deleted from all tables and their former versions, and marts are built without them. `keep`: they stay, with tokens that are nobody’s any more.',
  })
  @IsOptional()
  @IsIn(ROWS)
  rows?: Rows;
}

@ApiTags('privacy')
@Controller('/v1/erasure')
export class ErasureController {
  private planning = false;

  constructor(@Inject(ERASURES) private readonly parts: ErasureParts) {}

  @Post('plan')
  @HttpCode(200)
  @Access('admin')
  @ApiOperation({ summary: 'What the erasure of a subject would destroy, and what it would leave; nothing is changed' })
  async planned(@Caller() { tenant }: Principal, @Body() body: ErasureBody): Promise<ErasurePlan> {
    if (this.planning)
      throw new ProblemException(503, { detail: 'Another plan is being made.' }, { 'retry-after': '5' });
    this.planning = true;
    try {
      const subject = { tenant, kind: body.subject.kind, lookup: await this.lookup(tenant, body) };
      return await planErasure(this.parts.plan, { ...subject, rows: rowsOf(body) }, AbortSignal.timeout(PLAN_MS_MAX));
    } finally {
      this.planning = false;
    }
  }

  @Post('run')
  @HttpCode(202)
  @Access('admin')
  @ApiOperation({ summary: 'Erase a subject in a job' })
  async run(@Caller() { tenant, subject }: Principal, @Body() body: ErasureBody): Promise<object> {
    const lookup = await this.lookup(tenant, body);
    const ends = await this.parts.ends();
    const { kind } = body.subject;
    const made = await this.parts.store.create({
      ...{ tenant, kind, lookup, rows: rowsOf(body), requestedBy: subject, ends },
    });
    if ('open' in made) throw new ProblemException(409, { detail: `The subject is being erased by ${made.open}.` });
    this.parts.wake();
    return showErasure(made.erasure);
  }

  @Get()
  @Access('admin')
  @ApiOperation({ summary: 'Erasures, the newest first' })
  async list(@Caller() { tenant }: Principal): Promise<object> {
    return { rows: (await this.parts.store.list(tenant, LISTED_MAX)).map(showErasure) };
  }

  @Get(':id')
  @Access('admin')
  @ApiOperation({ summary: 'How far an erasure is, and at its end the report of what was searched and found' })
  async one(@Caller() { tenant }: Principal, @Param('id') id: string): Promise<object> {
    return showErasure(await this.known(tenant, id));
  }

  @Delete(':id')
  @Access('admin')
  @ApiOperation({ summary: 'Cancel an erasure, as long as the subject’s key is there' })
  async cancel(@Caller() { tenant, subject }: Principal, @Param('id') id: string): Promise<object> {
    const known = await this.known(tenant, id);
    const cancelled = await this.parts.store.cancel(tenant, known.id, subject);
    if (cancelled) return showErasure(cancelled);
    const { status } = await this.known(tenant, id);
    throw new ProblemException(409, { detail: `The erasure is ${status}: it cannot be taken back any more.` });
  }

  private async known(tenant: string, id: string): Promise<Erasure> {
    const erasure = UUID.test(id) ? await this.parts.store.get(tenant, id) : null;
    if (!erasure) throw new ProblemException(404, { detail: 'There is no such erasure.' });
    return erasure;
  }

  private async lookup(tenant: string, { subject: { kind, value } }: ErasureBody): Promise<string> {
    return withKeys(async () => (await this.parts.lakeKeys()).lookup({ tenant, kind, value }));
  }
}

const rowsOf = ({ rows }: ErasureBody): Rows => rows ?? 'delete';

export function showErasure(erasure: Erasure): object {
  const { id, kind, rows, status, requestedBy, keys, keysEpoch, waitingFor, deleted, report, endedBy } = erasure;
  return {
    ...{ id, kind, rows, status, waitingFor, requestedBy, requestedAt: erasure.requestedAt.toISOString() },
    ...{ keys, keysEpoch, destroyedAt: erasure.destroyedAt?.toISOString() ?? null, deleted, report },
    ...{ endedBy, endedAt: erasure.endedAt?.toISOString() ?? null },
  };
}
