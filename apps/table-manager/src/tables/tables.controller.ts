import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { CatalogWriter } from '../catalog/catalog-writer';
import { ContractsInForce } from '../contracts/contracts-in-force';
import type { RetentionStore } from '../retention/port';
import { termsOf } from '../retention/terms';
import { TablePool } from './table-pool';
import { isMart } from './table-specs';

/** Newest versions, removals and frozen partitions told of. */
const HISTORY_MAX = 20;
export const RETENTION_STORE = Symbol('retention store');

@ApiTags('tables')
@Controller('/v1/tables')
export class TablesController {
  constructor(
    @Inject(CatalogWriter) private readonly catalog: CatalogWriter,
    @Inject(TablePool) private readonly tables: TablePool,
    @Inject(ContractsInForce) private readonly contracts: ContractsInForce,
    @Inject(RETENTION_STORE) private readonly retention: RetentionStore,
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
  @ApiOperation({
    summary: 'One table: columns, versions, files and size, and what retention deletes of it',
    description:
      'Of a clean table `retention` says for how long which contract keeps its rows and the newest deletions, each with its rows and the time that younger rows are from. Of a mart `frozen` counts partitions that stay as they were built because rows of theirs are deleted; `late` are those that rows have come for since, which are in the clean table only.',
  })
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
      ...(isMart(name) ? { frozen: await this.frozenOf(name) } : { retention: await this.retentionOf(name) }),
      versions: (await table.history(HISTORY_MAX)).filter(({ version }) => version <= snapshot.version),
    };
  }

  private async retentionOf(name: string): Promise<unknown> {
    // A standby loads contracts only when it needs them.
    await this.contracts.reload();
    const terms = termsOf(name, this.contracts.current(), []);
    return {
      terms: terms.slice(0, HISTORY_MAX).map((term) => ({
        ...{ dataset: term.dataset, keptSeconds: term.ms / 1_000, from: term.from },
      })),
      deleted: await this.retention.history(name, HISTORY_MAX),
    };
  }

  private async frozenOf(name: string): Promise<unknown> {
    const count = (await this.retention.frozenCounts()).find(({ mart }) => mart === name);
    const { frozen = 0, late = 0 } = count ?? {};
    const why = 'Retention deleted rows that these partitions count: they are not built from what is left.';
    return {
      ...{ partitions: frozen, late, ...(frozen > 0 && { why }) },
      newest: await this.retention.frozen(name, HISTORY_MAX),
    };
  }
}
