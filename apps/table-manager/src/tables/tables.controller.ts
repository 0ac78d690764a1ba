import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ProblemException } from '@millrace/service';
import { tableRoot } from '@millrace/topics';
import { CatalogWriter } from '../commit/catalog-writer';
import { TablePool } from './table-pool';

@ApiTags('tables')
@Controller('/v1/tables')
export class TablesController {
  constructor(
    @Inject(CatalogWriter) private readonly catalog: CatalogWriter,
    @Inject(TablePool) private readonly tables: TablePool,
  ) {}

  @Get()
  @ApiOperation({ summary: 'All tables, with the version that the newest catalog names' })
  list(): unknown {
    const catalog = this.catalog.current;
    const rows = Object.entries(catalog?.tables ?? {}).map(([name, table]) => ({ name, ...table }));
    return { rows, catalogVersion: catalog?.version ?? 0, number: catalog?.number ?? 0 };
  }

  @Get(':name')
  @ApiOperation({ summary: 'One table: columns, versions, files and size' })
  async one(@Param('name') name: string): Promise<unknown> {
    const entry = this.catalog.current?.tables[name];
    const table = entry ? await this.tables.find(name) : null;
    if (!entry || !table) throw new ProblemException(404, { detail: `There is no table ${name.slice(0, 200)}.` });
    const snapshot = await table.at({ version: entry.version });
    return {
      name,
      root: tableRoot(name),
      version: entry.version,
      ...(entry.builtTo !== undefined && { builtTo: entry.builtTo }),
      partitionColumns: snapshot.partitionColumns,
      columns: snapshot.fields.map(({ name: column, type, nullable, metadata }) => ({ name: column, type, nullable, doc: metadata.comment ?? null })),
      files: snapshot.files.size,
      rows: snapshot.rows,
      bytes: snapshot.bytes,
      versions: await table.history(20),
    };
  }
}
