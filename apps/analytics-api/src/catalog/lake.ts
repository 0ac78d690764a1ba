import { DeltaTable, type Duck, type DuckRow, type Snapshot } from '@millrace/lakehouse';
import { ProblemException } from '@millrace/service';
import type { Storage } from '@millrace/storage';
import type { Catalog } from '@millrace/topics';

export interface LakeDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  /** Knows the newest catalog. */
  readonly catalog: { readonly current: Catalog | null };
  readonly clock: { now(): number };
  readonly queryMsMax: number;
}

/** A table at the version that one catalog names. */
export interface TableAt {
  readonly id: string;
  readonly table: DeltaTable;
  readonly snapshot: Snapshot;
}

/** Reads tables at the versions of one catalog, so that answers over several tables never mix two states. */
export class Lake {
  private readonly open = new Map<string, Promise<DeltaTable>>();

  constructor(private readonly deps: LakeDeps) {}

  /** The newest catalog known; null on a lake without a commit. */
  catalog(): Catalog | null {
    return this.deps.catalog.current;
  }

  /** Null when the catalog does not have the table. */
  async table(catalog: Catalog, id: string): Promise<TableAt | null> {
    const entry = catalog.tables[id];
    if (!entry) return null;
    const table = await this.opened(id, entry.root);
    if (table.version < entry.version) await table.refresh();
    return { id, table, snapshot: await table.at({ version: entry.version }) };
  }

  /**
   * Runs SQL with values bound by name (`$from`). A query over its time is cancelled and answered 503.
   */
  async query(sql: string, params: Readonly<Record<string, string | number>> = {}): Promise<DuckRow[]> {
    const values: (string | number)[] = [];
    const positions = new Map<string, number>();
    const text = sql.replace(/\$([a-z_][a-z0-9_]*)/g, (_match, name: string) => {
      let position = positions.get(name);
      if (position === undefined) {
        if (!Object.hasOwn(params, name)) throw new Error(`no value is bound to $${name}`);
        position = values.push(params[name]);
        positions.set(name, position);
      }
      return `$${position}`;
    });
    try {
      return await this.deps.duck.query(text, values, { timeoutMs: this.deps.queryMsMax });
    } catch (error) {
      if ((error as { code?: string }).code !== 'DUCK_TIMEOUT') throw error;
      throw new ProblemException(
        503,
        { detail: `The query took longer than ${this.deps.queryMsMax} ms.` },
        { 'retry-after': '5' },
      );
    }
  }

  private opened(id: string, root: string): Promise<DeltaTable> {
    let opening = this.open.get(id);
    if (!opening) {
      opening = DeltaTable.open(this.deps.storage, root, { duck: this.deps.duck, clock: this.deps.clock });
      this.open.set(id, opening);
      opening.catch(() => this.open.delete(id));
    }
    return opening;
  }
}
