import { Body, Controller, Delete, Get, Header, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { HOME_TENANT, isTenant, type Principal, type Role, ROLES } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsIn,
  IsISO8601,
  IsOptional,
  IsString,
  Length,
} from 'class-validator';
import { ApiKeys, KEYS_MAX, TooManyKeys } from './api-keys';
import type { KeyRecord, KeyStore } from './port';

export const KEY_STORE = Symbol('key store');
export const NOW = Symbol('now');
const PAGE_ROWS = 100;

class OfTenant {
  @ApiPropertyOptional({ description: 'Another tenant than one’s own: for admins of the deployment.' })
  @IsOptional()
  @IsString()
  @Length(1, 64)
  tenant?: string;
}

export class ListQuery extends OfTenant {
  @ApiPropertyOptional({ description: '`nextPage` of the page before.' })
  @IsOptional()
  @IsString()
  @Length(1, 256)
  page?: string;
}

export class RevokeQuery extends OfTenant {}

export class CreateBody extends OfTenant {
  @ApiProperty({ description: 'For people, e.g. who has it.' })
  @IsString()
  @Length(1, 100)
  name!: string;

  @ApiProperty({ enum: ROLES, isArray: true, description: '`ingest` sends events, the others read, mend, administer.' })
  @ArrayMinSize(1)
  @ArrayMaxSize(ROLES.length)
  @ArrayUnique()
  @IsIn(ROLES, { each: true })
  roles!: Role[];

  @ApiPropertyOptional({ description: 'When it stops working (RFC 3339); never by default.' })
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  expiresAt?: string;
}

@ApiTags('api keys')
@Controller('/v1/api-keys')
export class ApiKeysController {
  constructor(
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(KEY_STORE) private readonly store: KeyStore,
    @Inject(NOW) private readonly now: () => number,
  ) {}

  @Get()
  @Access('admin')
  @ApiOperation({ summary: 'API keys, newest first; what they are, never the keys themselves' })
  async list(@Caller() caller: Principal, @Query() query: ListQuery): Promise<object> {
    const rows = await this.store.list(tenantOf(caller, query.tenant), readPage(query.page), PAGE_ROWS + 1);
    const last = rows.length > PAGE_ROWS ? rows[PAGE_ROWS - 1] : null;
    return { rows: rows.slice(0, PAGE_ROWS).map(shown), ...(last && { nextPage: pageAfter(last) }) };
  }

  @Post()
  @Access('admin')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'Make an API key',
    description:
      'The answer is the only place where the key is shown. The role revealer is given by whoever has it beside admin, ' +
      'or has ADMIN_TOKEN: 403 for other admins, to themselves and to anybody.',
  })
  async create(@Caller() caller: Principal, @Body() body: CreateBody): Promise<object> {
    const expiresAt = body.expiresAt === undefined ? null : new Date(body.expiresAt);
    if (expiresAt && !(expiresAt.getTime() > this.now()))
      throw wrong('$.expiresAt', 'future', 'expiresAt must lie ahead');
    const tenant = tenantOf(caller, body.tenant);
    if (body.roles.includes('revealer') && !mayGrantRevealer(caller, tenant))
      throw new ProblemException(403, {
        detail: 'The role revealer is given by an admin of the tenant who has it too, or with ADMIN_TOKEN.',
      });
    try {
      const made = await this.keys.create(caller.subject, { tenant, name: body.name, roles: body.roles, expiresAt });
      return { ...shown(made.record), key: made.key };
    } catch (error) {
      if (!(error instanceof TooManyKeys)) throw error;
      throw new ProblemException(409, { detail: `A tenant has at most ${KEYS_MAX} API keys. Revoke some.` });
    }
  }

  @Delete(':id')
  @Access('admin')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke an API key', description: 'Every service refuses it within a minute.' })
  async revoke(@Caller() caller: Principal, @Param('id') id: string, @Query() query: RevokeQuery): Promise<void> {
    if (await this.keys.revoke(caller.subject, tenantOf(caller, query.tenant), id)) return;
    throw new ProblemException(404, { detail: 'There is no such API key in force.' });
  }
}

/** One's own tenant, or, for the deployment's admins, the one asked for. */
function tenantOf(caller: Principal, asked: string | undefined): string {
  if (asked === undefined || asked === caller.tenant) return caller.tenant;
  if (caller.tenant !== HOME_TENANT) throw new ProblemException(403, { detail: 'These keys are of another tenant.' });
  if (!isTenant(asked)) throw wrong('tenant', 'tenant', 'tenant is 1-64 letters, digits, ".", "_" and "-"');
  return asked;
}

/**
 * Turning tokens back is a permission apart from administration, so no admin gives it to themselves: the deployment's
 * configuration does, by its bootstrap token or its identity provider, and those who have it from there.
 */
const mayGrantRevealer = ({ kind, roles, tenant: own }: Principal, tenant: string): boolean =>
  kind === 'bootstrap' || kind === 'local' || (own === tenant && roles.includes('revealer'));

const shown = ({ hash: _hash, ...record }: KeyRecord): object => record;

function wrong(path: string, rule: string, detail: string): ProblemException {
  return new ProblemException(400, { detail: `${detail}.`, errors: [{ path, rule, detail }] });
}

const pageAfter = ({ createdAt, id }: KeyRecord): string =>
  Buffer.from(`${createdAt.toISOString()} ${id}`).toString('base64url');

function readPage(page: string | undefined): { createdAt: Date; id: string } | null {
  if (page === undefined) return null;
  const match = /^(\S{24}) ([0-9A-Za-z]{12})$/.exec(Buffer.from(page, 'base64url').toString('utf8'));
  const createdAt = new Date(match?.[1] ?? NaN);
  if (match && !Number.isNaN(createdAt.getTime())) return { createdAt, id: match[2] };
  throw wrong('query.page', 'page', 'page must be the nextPage of an earlier answer');
}
