import { DeltaTable, type Duck, type DuckRow, type ScanOptions, type Snapshot } from '@millrace/lakehouse';
import { ProblemException } from '@millrace/service';
import type { Storage } from '@millrace/storage';
import type { Catalog, CatalogTable } from '@millrace/topics';
import { LogCeiling } from './log-ceiling';

export interface LakeDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  /** Knows the newest catalog. */
  readonly catalog: { readonly current: Catalog | null };
  readonly clock: { now(): number };
  /** A query that takes longer is cancelled, ms. */
  readonly queryMsMax: number;
  /** Queries that may run or wait at once; further ones are told to come again. */
  readonly queriesMax: number;
}

/** A table at the version that one catalog names. */
export interface TableAt {
  readonly id: string;
  readonly table: DeltaTable;
  readonly snapshot: Snapshot;
}

/** A table that follows the catalogs' versions. */
interface Followed {
  readonly ceiling: LogCeiling;
  /** The last few snapshots by version, for answers that began under an older catalog. */
  readonly recent: Map<number, Snapshot>;
  table: DeltaTable | null;
  /** One step forward at a time. */
  turn: Promise<unknown>;
}

const RECENT_MAX = 8;

export type Parameters = Readonly<Record<string, string | number>>;

/** Reads tables at the versions of one catalog, so that answers over several tables never mix two states. */
export class Lake {
  private readonly followed = new Map<string, Followed>();
  private queries = 0;

  constructor(private readonly deps: LakeDeps) {}

  /** The newest catalog known; null on a lake without a commit. */
  catalog(): Catalog | null {
    return this.deps.catalog.current;
  }

  /** Null when the catalog does not have the table. */
  async table(catalog: Catalog, id: string): Promise<TableAt | null> {
    if (!Object.hasOwn(catalog.tables, id)) return null;
    const entry = catalog.tables[id];
    let followed = this.followed.get(id);
    if (!followed) {
      const ceiling = new LogCeiling(this.deps.storage);
      followed = { ceiling, recent: new Map(), table: null, turn: Promise.resolve() };
      this.followed.set(id, followed);
    }
    const known = followed.recent.get(entry.version);
    if (known && followed.table) return { id, table: followed.table, snapshot: known };
    const step = followed.turn.then(() => this.follow(followed, entry));
    followed.turn = step.catch(() => undefined);
    return { id, ...(await step) };
  }

  /**
   * `SELECT columns FROM (the table) rest`, with values bound by name (`$from`).
   *
   * @throws ProblemException 503 when it takes too long, or too much is asked at once
   */
  async select(
    at: TableAt,
    scan: ScanOptions,
    rest: string,
    values: Parameters = {},
    columns = '*',
  ): Promise<DuckRow[]> {
    return this.ask(at, scan, `SELECT ${columns} FROM relation ${rest}`, values);
  }

  /** A question over one table, which is called `relation` in it. Errors as of `select`. */
  async ask(at: TableAt, scan: ScanOptions, question: string, values: Parameters): Promise<DuckRow[]> {
    return this.query({ relation: await at.table.scanSql(at.snapshot, scan) }, question, values);
  }

  /** A question over several tables by the names that they have in it. Errors as of `select`. */
  async askOver(
    tables: Readonly<Record<string, { readonly at: TableAt; readonly scan: ScanOptions }>>,
    question: string,
    values: Parameters,
  ): Promise<DuckRow[]> {
    const relations: Record<string, string> = {};
    for (const [name, { at, scan }] of Object.entries(tables))
      relations[name] = await at.table.scanSql(at.snapshot, scan);
    return this.query(relations, question, values);
  }

  private async query(
    relations: Readonly<Record<string, string>>,
    question: string,
    values: Parameters,
  ): Promise<DuckRow[]> {
    const { duck, queryMsMax, queriesMax } = this.deps;
    if (this.queries >= queriesMax) throw overloaded('Too many questions are under way.', 1);
    const { sql, bound } = bind(question, values);
    const named = Object.entries(relations).map(([name, relation]) => `${name} AS (${relation})`);
    this.queries++;
    try {
      // Relations name files: what looks like a parameter there is none.
      return await duck.query(`WITH ${named.join(', ')} ${sql}`, bound, { timeoutMs: queryMsMax });
    } catch (error) {
      if ((error as { code?: string }).code !== 'DUCK_TIMEOUT') throw error;
      throw overloaded(`The query took longer than ${queryMsMax} ms.`, 5);
    } finally {
      this.queries--;
    }
  }

  private async follow(followed: Followed, entry: CatalogTable): Promise<{ table: DeltaTable; snapshot: Snapshot }> {
    const { ceiling, recent } = followed;
    const { duck, clock } = this.deps;
    const known = recent.get(entry.version);
    if (known && followed.table) return { table: followed.table, snapshot: known };
    ceiling.version = Math.max(ceiling.version, entry.version);
    followed.table ??= await DeltaTable.open(ceiling.storage, entry.root, { duck, clock });
    const { table } = followed;
    if (table.version < ceiling.version) await table.refresh();
    const snapshot = await table.at({ version: entry.version });
    recent.set(snapshot.version, snapshot);
    if (recent.size > RECENT_MAX) recent.delete(recent.keys().next().value as number);
    return { table, snapshot };
  }
}

/** Names become positions, in the question alone. */
function bind(sql: string, values: Parameters): { sql: string; bound: (string | number)[] } {
  const bound: (string | number)[] = [];
  const positions = new Map<string, number>();
  const text = sql.replace(/\$([a-z_][a-z0-9_]*)/g, (_match, name: string) => {
    let position = positions.get(name);
    if (position === undefined) {
      if (!Object.hasOwn(values, name)) throw new Error(`no value is bound to $${name}`);
      position = bound.push(values[name]);
      positions.set(name, position);
    }
    return `$${position}`;
  });
  return { sql: text, bound };
}

const overloaded = (detail: string, seconds: number): ProblemException =>
  new ProblemException(503, { detail }, { 'retry-after': String(seconds) });
