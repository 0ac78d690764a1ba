import type { ContractSet } from '@millrace/contracts';
import { DeltaTable, type Duck, TableNotFound } from '@millrace/lakehouse';
import type { Storage } from '@millrace/storage';
import { tableRoot } from '@millrace/topics';
import { tableSpec, type TableSpec } from './table-specs';

export interface TablePoolDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly contracts: () => ContractSet;
  readonly clock: { now(): number };
  readonly targetFileBytes: number;
  readonly onBackgroundError: (error: unknown) => void;
}

/** No contract in force has the table that rows are staged for. */
export class UnknownTable extends Error {}

/** The Delta tables that this process has open: each once, created when it is first written to. */
export class TablePool {
  private readonly open = new Map<string, Promise<DeltaTable>>();

  constructor(private readonly deps: TablePoolDeps) {}

  /** Opens a table that exists; null when it does not. */
  async find(id: string): Promise<DeltaTable | null> {
    const known = this.open.get(id);
    if (known) return known;
    try {
      const table = await DeltaTable.open(this.deps.storage, tableRoot(id), this.options());
      this.open.set(id, Promise.resolve(table));
      return table;
    } catch (error) {
      if (error instanceof TableNotFound) return null;
      throw error;
    }
  }

  /** Opens or creates a table, with at least the columns that its contract has now. */
  async ensure(id: string): Promise<{ table: DeltaTable; spec: TableSpec }> {
    const spec = tableSpec(id, this.deps.contracts());
    if (!spec) throw new UnknownTable(`rows are staged for ${id}, which no contract in force has`);
    let opening = this.open.get(id);
    if (!opening) {
      opening = DeltaTable.create(this.deps.storage, tableRoot(id), {
        ...this.options(),
        schema: spec.columns,
        partitionBy: [spec.partitionColumn],
        name: id.replace('.', '_'),
        description: spec.description,
        ifNotExists: true,
      });
      this.open.set(id, opening);
      // A failure to open is not remembered.
      opening.catch(() => this.open.delete(id));
    }
    const table = await opening;
    const has = new Set(table.snapshot.fields.map((field) => field.name.toLowerCase()));
    const missing = spec.columns.filter((column) => !has.has(column.name.toLowerCase()));
    if (missing.length > 0) await table.addColumns(missing);
    return { table, spec };
  }

  /** Tables opened so far. */
  async opened(): Promise<[string, DeltaTable][]> {
    return Promise.all([...this.open].map(async ([id, table]): Promise<[string, DeltaTable]> => [id, await table]));
  }

  private options() {
    const { duck, clock, targetFileBytes, onBackgroundError } = this.deps;
    return { duck, clock, targetFileBytes, onBackgroundError };
  }
}
