import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { showGroup, showItem } from './present';
import { QuarantineReader } from './quarantine-store';

const GROUPS_MAX = 500;
const ITEMS_DEFAULT = 50;
const ITEMS_MAX = 200;

export class GroupsQuery {
  @ApiPropertyOptional({ description: `Groups, at most (default ${GROUPS_MAX}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(GROUPS_MAX)
  limit?: number;
}

export class ItemsQuery {
  @ApiPropertyOptional({ description: 'Only items of this group.' })
  @IsOptional()
  @Matches(/^[0-9a-f]{16}$/, { message: 'group must be 16 hexadecimal digits, as in the list of groups' })
  group?: string;

  @ApiPropertyOptional({ description: '`nextPage` of the answer before.' })
  @IsOptional()
  @Matches(/^\d{1,18}$/, { message: 'page must be nextPage of the answer before' })
  page?: string;

  @ApiPropertyOptional({ description: `Items, at most (default ${ITEMS_DEFAULT}, up to ${ITEMS_MAX}).` })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(ITEMS_MAX)
  limit?: number;
}

@ApiTags('quarantine')
@Controller('/v1/quarantine')
export class QuarantineController {
  constructor(@Inject(QuarantineReader) private readonly quarantine: QuarantineReader) {}

  @Get('groups')
  @Access('viewer')
  @ApiOperation({ summary: 'Quarantined items by what is wrong with them, the largest group first' })
  async groups(@Caller() { tenant }: Principal, @Query() query: GroupsQuery): Promise<object> {
    const groups = await this.quarantine.groups(tenant, query.limit ?? GROUPS_MAX);
    return { rows: groups.map(showGroup) };
  }

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Quarantined items with their bytes as they came, the oldest first' })
  async items(@Caller() { tenant }: Principal, @Query() query: ItemsQuery): Promise<object> {
    const limit = query.limit ?? ITEMS_DEFAULT;
    const items = await this.quarantine.items(tenant, query.group ?? null, BigInt(query.page ?? 0), limit);
    const last = items.length === limit ? items.at(-1) : undefined;
    return { rows: items.map((item) => showItem(item)), ...(last ? { nextPage: String(last.id) } : {}) };
  }
}
