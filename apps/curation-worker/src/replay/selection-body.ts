import { ApiPropertyOptional } from '@nestjs/swagger';
import { ProblemException } from '@millrace/service';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import type { RecipeRef, Selection } from './port';

const IDS_MAX = 1_000;
/** Texts without control characters: they are stored as JSON. */
const TEXT = /^[^\p{Cc}\p{Cs}]{1,256}$/u;
export const RECIPE_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export class FilterBody {
  @ApiPropertyOptional({ description: 'Reason of the quarantine, e.g. `unknown_value`.' })
  @IsOptional()
  @Matches(TEXT)
  reason?: string;

  @ApiPropertyOptional({ description: 'Event type.' })
  @IsOptional()
  @Matches(TEXT)
  eventType?: string;

  @ApiPropertyOptional({ description: 'Where it came in, e.g. `http`.' })
  @IsOptional()
  @Matches(TEXT)
  source?: string;

  @ApiPropertyOptional({ description: 'Accepted at this time or later (RFC 3339).' })
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  from?: string;

  @ApiPropertyOptional({ description: 'Accepted before this time.' })
  @IsOptional()
  @IsISO8601({ strict: true, strictSeparator: true })
  to?: string;
}

export class RecipeBody {
  @ApiPropertyOptional({ description: 'Name of the recipe.', required: true })
  @Matches(RECIPE_NAME, { message: 'name must be 1 to 64 of a-z, 0-9, `.`, `_` and `-`' })
  name!: string;

  @ApiPropertyOptional({ description: 'Its version; the newest reviewed one by default, in a plan the newest.' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  version?: number;
}

/** What is to be replayed: open items that meet all that is given. */
export class SelectionBody {
  @ApiPropertyOptional({ description: 'Items of this group.' })
  @IsOptional()
  @IsString()
  @Matches(/^[0-9a-f]{16}$/, { message: 'group must be 16 hexadecimal digits, as in the list of groups' })
  group?: string;

  @ApiPropertyOptional({ type: [String], description: `Items by id, up to ${IDS_MAX}.` })
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(IDS_MAX)
  @ArrayUnique()
  @Matches(/^\d{1,18}$/, { each: true, message: 'ids must be ids of quarantined items' })
  ids?: string[];

  @ApiPropertyOptional({ type: FilterBody, description: 'Items that it applies to.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => FilterBody)
  filter?: FilterBody;

  @ApiPropertyOptional({ type: RecipeBody, description: 'Mend them with this recipe first.' })
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => RecipeBody)
  recipe?: RecipeBody;
}

/** @throws ProblemException 400 when nothing is selected: to replay everything has to be said */
export function selectionOf({ group, ids, filter }: SelectionBody): Selection {
  const conditions = Object.values(filter ?? {}).filter((value) => value !== undefined);
  if (group === undefined && ids === undefined && conditions.length === 0) {
    throw new ProblemException(400, {
      detail: 'Nothing is selected.',
      errors: [{ path: '$', rule: 'selection', detail: 'give a group, ids, or a filter with at least one condition' }],
    });
  }
  return {
    ...(group !== undefined && { group }),
    ...(ids !== undefined && { ids }),
    ...(conditions.length > 0 && { filter: { ...filter } }),
  };
}

export type AskedRecipe = Pick<RecipeRef, 'name'> & Partial<RecipeRef>;
