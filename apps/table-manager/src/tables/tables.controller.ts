import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { CatalogWriter } from '../catalog/catalog-writer';
import { TablePool } from './table-pool';

/** Newest versions told of. */
const HISTORY_MAX = 20;

@ApiTags('tables')
@Controller('/v1/tables')
export class TablesController {
  constructor(
    @Inject(CatalogWriter) private readonly catalog: CatalogWriter,
    @Inject(TablePool) private readonly tables: TablePool,
  ) {}

  @Get()
  @Access('viewer', { deployment: true })
  @ApiOperation({ summary: 'All tables, with the version that the newest catalog names' })
  async list(): Promise<unknown> {
    // A standby has not written it itself.
    const catalog = await this.catalog.refresh();
    const rows = Object.entries(catalog?.tables ?? {}).map(([name, table]) => ({ name, ...table }));
    return { rows, catalogVersion: catalog?.version ?? 0, number: catalog?.number ?? 0 };
  }

  @Get(':name')
  @Access('viewer', { deployment: true })
  @ApiOperation({ summary: 'One table: columns, versions, files and size' })
  async one(@Param('name') name: string): Promise<unknown> {
    const known = (await this.catalog.refresh())?.tables ?? {};
    const entry = Object.hasOwn(known, name) ? known[name] : null;
    const at = entry && (await this.tables.at(name, entry.version));
    if (!at) throw new ProblemException(404, { detail: `There is no table ${name.slice(0, 200)}.` });
    const { table, snapshot } = at;
    return {
      name,
      ...entry,
      partitionColumns: snapshot.partitionColumns,
      columns: snapshot.fields.map(({ name: column, type, nullable, metadata }) => ({
        ...{ name: column, type, nullable },
        doc: metadata.comment ?? null,
      })),
      files: snapshot.files.size,
      rows: snapshot.rows,
      bytes: snapshot.bytes,
      versions: (await table.history(HISTORY_MAX)).filter(({ version }) => version <= snapshot.version),
    };
  }
}
