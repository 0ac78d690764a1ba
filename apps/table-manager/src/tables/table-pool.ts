import type { ContractSet } from '@millrace/contracts';
import { DeltaTable, type Duck, type Snapshot, type TableOptions, TableNotFound } from '@millrace/lakehouse';
import type { Storage } from '@millrace/storage';
import { type Catalog, type StagedFile, tableRoot } from '@millrace/topics';
import { isMart, tableSpec, type TableSpec, typedTable } from './table-specs';

export interface TablePoolDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly contracts: () => ContractSet;
  readonly clock: { now(): number };
  readonly targetFileBytes: number;
  readonly onBackgroundError: (error: unknown) => void;
  readonly tableOptions?: Partial<Omit<TableOptions, 'duck' | 'clock' | 'targetFileBytes' | 'onBackgroundError'>>;
  /** Between a commit's data files and the commit. */
  readonly beforeCommit?: () => Promise<void> | void;
}

/** No contract in force has the table that rows are staged for. */
export class UnknownTable extends Error {}

/** The Delta tables that this process has open: each once, created when it is first written to. */
export class TablePool {
  private readonly open = new Map<string, Promise<DeltaTable | null>>();
  /** What the newest catalog names, so that it need not be built from the log again when the table has moved on. */
  private readonly published = new Map<string, Snapshot>();

  constructor(private readonly deps: TablePoolDeps) {}

  /** Opens a table that exists; null when it does not. */
  async find(id: string): Promise<DeltaTable | null> {
    let opening = this.open.get(id);
    if (!opening) {
      opening = DeltaTable.open(this.deps.storage, tableRoot(id), this.options()).catch((error: unknown) => {
        if (error instanceof TableNotFound) return null;
        throw error;
      });
      this.remember(id, opening);
    }
    const table = await opening;
    // What is not there now may be there later.
    if (!table) this.forget(id, opening);
    return table;
  }

  /**
   * Opens or creates a table, with at least the columns that its contract has now, or its staged files say.
   *
   * @throws UnknownTable
   */
  async ensure(id: string, staged: readonly StagedFile[] = []): Promise<{ table: DeltaTable; spec: TableSpec }> {
    const spec = tableSpec(id, this.deps.contracts(), staged);
    if (!spec) return this.withoutContract(id);
    // Creating is tried only where there is none: the first file of an old table's log is long cleaned away.
    const table = (await this.find(id)) ?? (await this.create(id, spec));
    const has = new Set(table.snapshot.fields.map((field) => field.name.toLowerCase()));
    const missing = spec.columns.filter((column) => !has.has(column.name.toLowerCase()));
    if (missing.length > 0) await table.addColumns(missing);
    return { table, spec };
  }

  /** A contract that cannot be used just now has its table already: what was staged under it is committed. */
  private async withoutContract(id: string): Promise<{ table: DeltaTable; spec: TableSpec }> {
    const table = await this.find(id);
    if (!table) throw new UnknownTable(`rows are staged for ${id}, which no contract in force has`);
    const columns = table.snapshot.fields.map(({ name, type }) => ({ name, type: String(type) }));
    return { table, spec: typedTable(id, id, columns) };
  }

  /** A table as a version of a catalog has it. */
  async at(id: string, version: number): Promise<{ table: DeltaTable; snapshot: Snapshot } | null> {
    const table = await this.find(id);
    if (!table) return null;
    const published = this.published.get(id);
    if (published?.version === version) return { table, snapshot: published };
    if (table.version < version) await table.refresh();
    return { table, snapshot: await table.at({ version }) };
  }

  /** The catalog names this snapshot from now on. */
  publish(id: string, snapshot: Snapshot): void {
    const known = this.published.get(id);
    if (!known || known.version < snapshot.version) this.published.set(id, snapshot);
  }

  /**
   * Tables whose newest version here says the same as what the catalog names, in other files: compacted ones. A version
   * with rows of a commit that is under way is not among them.
   */
  async rearranged(catalog: Catalog): Promise<Map<string, Snapshot>> {
    const found = new Map<string, Snapshot>();
    for (const [id, entry] of Object.entries(catalog.tables)) {
      const table = isMart(id) ? null : await this.open.get(id);
      if (!table || table.version <= entry.version) continue;
      const { snapshot } = table;
      if ((snapshot.transactionVersion(catalog.lineId) ?? 0) <= catalog.number) found.set(id, snapshot);
    }
    return found;
  }

  /** Resolves when no work runs beside the commits. */
  async settled(): Promise<void> {
    for (const opening of this.open.values()) await (await opening.catch(() => null))?.settled();
  }

  private async create(id: string, spec: TableSpec): Promise<DeltaTable> {
    const creating = DeltaTable.create(this.deps.storage, tableRoot(id), {
      ...this.options(),
      schema: spec.columns,
      partitionBy: [spec.partitionColumn],
      name: id.replace('.', '_'),
      description: spec.description,
      ifNotExists: true,
    });
    this.remember(id, creating);
    return creating;
  }

  private remember(id: string, opening: Promise<DeltaTable | null>): void {
    this.open.set(id, opening);
    // A failure to open is not remembered.
    opening.catch(() => this.forget(id, opening));
  }

  private forget(id: string, opening: Promise<DeltaTable | null>): void {
    if (this.open.get(id) === opening) this.open.delete(id);
  }

  private options() {
    const { duck, clock, targetFileBytes, onBackgroundError, beforeCommit, tableOptions } = this.deps;
    return { ...tableOptions, duck, clock, targetFileBytes, onBackgroundError, beforeCommit };
  }
}
