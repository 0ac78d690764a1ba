import { Body, Controller, Get, HttpCode, Inject, Param, Put } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import {
  ArrayMaxSize,
  IsArray,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  Min,
} from 'class-validator';
import { RECIPE_STORE } from '../replay/replay.controller';
import { RECIPE_NAME } from '../replay/selection-body';
import { checkRecipe } from './check-recipe';
import type { Recipe, RecipeKind, RecipeStore } from './port';

export const SELF_REVIEW = Symbol('self review');

const BODY_CHARS_MAX = 65_536;
const VERSIONS_SHOWN = 50;

/** One of `patch`, `expression` and `approve`. */
export class RecipePut {
  @ApiPropertyOptional({ type: [Object], description: 'JSON Patch (RFC 6902), applied to the item as it came.' })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1_000)
  @IsObject({ each: true })
  patch?: object[];

  @ApiPropertyOptional({ description: 'JSONata whose result is the mended item.' })
  @IsOptional()
  @IsString()
  @Length(1, BODY_CHARS_MAX)
  expression?: string;

  @ApiPropertyOptional({ description: 'Approve this version: by somebody else than its author.' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  approve?: number;

  @ApiPropertyOptional({ description: 'The only group that it may be applied to.' })
  @IsOptional()
  @Matches(/^[0-9a-f]{16}$/, { message: 'group must be 16 hexadecimal digits, as in the list of groups' })
  group?: string;

  @ApiPropertyOptional({ description: 'What it does and why.' })
  @IsOptional()
  @Matches(/^[^\p{Cs}\0]{0,2000}$/u)
  description?: string;
}

@ApiTags('quarantine')
@Controller('/v1/quarantine/recipes')
export class RecipesController {
  constructor(
    @Inject(RECIPE_STORE) private readonly recipes: RecipeStore,
    @Inject(SELF_REVIEW) private readonly selfReview: boolean,
  ) {}

  @Get(':name')
  @Access('viewer')
  @ApiOperation({ summary: 'Versions of a mending recipe, newest first' })
  async read(@Caller() { tenant }: Principal, @Param('name') name: string): Promise<object> {
    const versions = RECIPE_NAME.test(name) ? await this.recipes.versions(tenant, name, VERSIONS_SHOWN) : [];
    if (versions.length === 0) throw new ProblemException(404, { detail: 'There is no such recipe.' });
    return { name, rows: versions.map(showRecipe) };
  }

  @Put(':name')
  @HttpCode(200)
  @Access('operator')
  @ApiOperation({ summary: 'Add a version of a mending recipe, or approve one' })
  async put(
    @Caller() { tenant, subject }: Principal,
    @Param('name') name: string,
    @Body() body: RecipePut,
  ): Promise<object> {
    if (!RECIPE_NAME.test(name)) throw bad('params.name', 'must be 1 to 64 of a-z, 0-9, `.`, `_` and `-`');
    const { patch, expression, approve } = body;
    if ([patch, expression, approve].filter((given) => given !== undefined).length !== 1)
      throw bad('$', 'give one of patch, expression and approve');
    if (approve !== undefined) return showRecipe(await this.approve(tenant, name, approve, subject));
    const kind: RecipeKind = patch ? 'json-patch' : 'jsonata';
    const text = patch ? JSON.stringify(patch) : (expression as string);
    const path = patch ? '$.patch' : '$.expression';
    if (text.length > BODY_CHARS_MAX || text.includes('\0'))
      throw bad(path, `must be ${BODY_CHARS_MAX} characters at most`);
    const wrong = checkRecipe(kind, text);
    if (wrong !== null) throw bad(path, wrong);
    const { group = null, description = '' } = body;
    return showRecipe(await this.recipes.add({ tenant, name, kind, body: text, group, description, author: subject }));
  }

  private async approve(tenant: string, name: string, version: number, by: string): Promise<Recipe> {
    const recipe = await this.recipes.get(tenant, name, version);
    if (!recipe) throw new ProblemException(404, { detail: 'There is no such version of this recipe.' });
    if (recipe.author === by && !this.selfReview)
      throw new ProblemException(403, { detail: 'A recipe is approved by somebody else than its author.' });
    const reviewed = await this.recipes.review(tenant, name, version, by);
    if (!reviewed) throw new ProblemException(409, { detail: `It was approved before, by ${recipe.reviewedBy}.` });
    return reviewed;
  }
}

const bad = (path: string, detail: string): ProblemException =>
  new ProblemException(400, { detail: 'The recipe cannot be used.', errors: [{ path, rule: 'recipe', detail }] });

function showRecipe({ tenant: _tenant, body, kind, createdAt, reviewedAt, reviewedBy, ...recipe }: Recipe): object {
  return {
    ...recipe,
    kind,
    ...(kind === 'jsonata' ? { expression: body } : { patch: JSON.parse(body) as unknown }),
    status: reviewedBy === null ? 'draft' : 'reviewed',
    createdAt: createdAt.toISOString(),
    reviewedBy,
    reviewedAt: reviewedAt?.toISOString() ?? null,
  };
}
