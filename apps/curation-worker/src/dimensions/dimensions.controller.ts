import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import type { DimensionFiles } from './files';
import type { LandingStore } from '../landing/port';
import { BEGINNING, type DimensionEntry, type Value, type Version } from './model';

export const DIMENSION_SOURCE = Symbol('dimensions');

/** Where dimensions are read from. */
export interface DimensionSource {
  readonly store: Pick<LandingStore, 'dimensions' | 'dimension'>;
  readonly files: DimensionFiles;
}

export class AsOfQuery {
  @ApiPropertyOptional({ description: 'The version in force at this RFC 3339 time; all versions unless given.' })
  @IsOptional()
  @Matches(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/, {
    message: 'as_of must be an RFC 3339 time with its zone',
  })
  as_of?: string;
}

@ApiTags('dimensions')
@Controller('/v1/dimensions')
export class DimensionsController {
  constructor(@Inject(DIMENSION_SOURCE) private readonly source: DimensionSource) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Dimensions and their columns' })
  async list(@Caller() { tenant }: Principal): Promise<object> {
    const entries = await this.source.store.dimensions();
    return { rows: entries.filter((entry) => entry.tenant === tenant).map(showDimension) };
  }

  @Get(':name')
  @Access('viewer')
  @ApiOperation({ summary: 'A dimension and its columns' })
  async one(@Caller() { tenant }: Principal, @Param('name') name: string): Promise<object> {
    return showDimension(await this.entry(tenant, name));
  }

  @Get(':name/keys/:key')
  @Access('viewer')
  @ApiOperation({ summary: 'What a key had, and since when' })
  async key(
    @Caller() { tenant }: Principal,
    @Param('name') name: string,
    @Param('key') key: string,
    @Query() { as_of: asOf }: AsOfQuery,
  ): Promise<object> {
    const entry = await this.entry(tenant, name);
    const versions = (await this.source.files.read(entry)).versionsOf(key);
    const asOfMs = asOf === undefined ? null : Date.parse(asOf);
    const rows = versions
      .map((version, i) => showVersion(entry, key, version, versions[i + 1]))
      .filter((_row, i) => asOfMs === null || isInForce(versions, i, asOfMs));
    if (rows.length === 0)
      throw new ProblemException(404, { detail: `${name} has no such key${asOf ? ' then' : ''}.` });
    return { rows };
  }

  private async entry(tenant: string, name: string): Promise<DimensionEntry> {
    const entry = await this.source.store.dimension(tenant, name);
    if (!entry) throw new ProblemException(404, { detail: `There is no dimension ${name.slice(0, 64)}.` });
    return entry;
  }
}

function isInForce(versions: readonly Version[], i: number, ms: number): boolean {
  return versions[i].fromMs <= ms && (i + 1 === versions.length || versions[i + 1].fromMs > ms);
}

export const showDimension = ({ name, version, keyColumn, attributes, keys, loadedAt }: DimensionEntry): object => ({
  ...{ name, version, key: keyColumn, columns: attributes, keys, loadedAt, table: `dim.${name}` },
});

function showVersion({ keyColumn, attributes }: DimensionEntry, key: string, version: Version, next?: Version): object {
  const values = version.values === null ? null : (JSON.parse(version.values) as Value[]);
  return {
    [keyColumn]: key,
    ...(values && Object.fromEntries(attributes.map(({ name }, i) => [name, values[i] ?? null]))),
    validFrom: version.fromMs === BEGINNING ? null : new Date(version.fromMs).toISOString(),
    validTo: next ? new Date(next.fromMs).toISOString() : null,
    isDeleted: values === null,
  };
}
