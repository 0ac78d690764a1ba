import { createHash } from 'node:crypto';
import { type AddFile, toDuckType } from '@millrace/lakehouse';
import { type Duck, DuckError } from '@millrace/lakehouse/duckdb';
import { dimensionTableOf, isUsualRule, QUALITY_COLUMNS, referenceOf, type RuledContract } from '@millrace/marts';
import type { TableAt } from '../tables/row-questions';

const COLUMNS = QUALITY_COLUMNS.map(({ name, type }) => `CAST("${name}" AS ${toDuckType(type)}) AS "${name}"`).join(
  ', ',
);
/** Datasets and days that are remembered; beyond that those that were judged the longest ago are judged again. */
const KNOWN_MAX = 10_000;

interface Known {
  /** Everything that the judgement was made from. */
  readonly from: string;
  /** Of the results themselves. */
  readonly digest: string;
}

/** What a dataset's results of a day follow from: rules, files, other tables, and whether the day is over. */
export function judgedFrom(
  { version, quality }: RuledContract,
  files: readonly AddFile[],
  tables: ReadonlyMap<string, TableAt>,
  isOver: boolean,
): string {
  const others = quality.flatMap((rule) => referenceOf(rule)?.table ?? dimensionTableOf(rule) ?? []);
  const versions = [...new Set(others)].map((id) => [id, tables.get(id)?.snapshot.version ?? null]);
  const over = quality.some(isUsualRule) && isOver;
  const all = [version, quality, files.map(({ path }) => path).sort(), versions, over];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/**
 * Remembers what datasets were judged from, so that a day that is looked at because of one of them does not judge all the
 * others again: their results are taken over as they are in dq.results. That is done only where those are, by their
 * digest, what came of that judgement; a process that has just begun remembers nothing.
 */
export class JudgedBefore {
  private readonly known = new Map<string, Known>();

  constructor(private readonly duck: Pick<Duck, 'query'>) {}

  /**
   * Copies results of datasets that nothing has changed for.
   *
   * @param datasets what each is to be judged from, by name
   * @param earlier relation of the results of the day, in the columns of dq.results; null where there are none
   * @returns names of those that need not be judged
   */
  async takeOver(
    results: string,
    day: string,
    datasets: ReadonlyMap<string, string>,
    earlier: string | null,
  ): Promise<ReadonlySet<string>> {
    const same = [...datasets].filter(([name, from]) => this.known.get(idOf(name, day))?.from === from);
    if (same.length === 0 || earlier === null) return new Set();
    try {
      return await this.copy(
        results,
        day,
        same.map(([name]) => name),
        earlier,
      );
    } catch (error) {
      // Results that cannot be read are made again.
      if (error instanceof DuckError && error.code !== 'DUCK_CANCELLED' && error.code !== 'DUCK_CLOSED')
        return new Set();
      throw error;
    }
  }

  /** Remembers what came of datasets that were judged now and need not be judged again. */
  async note(results: string, day: string, datasets: ReadonlyMap<string, string>): Promise<void> {
    if (datasets.size === 0) return;
    const digests = await this.digests(`(SELECT * FROM ${results} WHERE event_date = DATE '${day}')`);
    for (const [name, from] of datasets) {
      const id = idOf(name, day);
      this.known.delete(id);
      this.known.set(id, { from, digest: digests(name) });
    }
    for (const id of this.known.keys()) {
      if (this.known.size <= KNOWN_MAX) break;
      this.known.delete(id);
    }
  }

  private async copy(
    results: string,
    day: string,
    same: readonly string[],
    earlier: string,
  ): Promise<ReadonlySet<string>> {
    const digests = await this.digests(earlier);
    const taken = same.filter((name) => this.known.get(idOf(name, day))?.digest === digests(name));
    if (taken.length > 0) {
      const names = taken.map((name) => `'${name}'`).join(', ');
      await this.duck.query(`INSERT INTO ${results} SELECT ${COLUMNS} FROM ${earlier} WHERE dataset IN (${names})`);
    }
    return new Set(taken);
  }

  private async digests(relation: string): Promise<(name: string) => string> {
    const rows = await this.duck.query(
      `SELECT dataset, COUNT(*)::VARCHAR || ' ' || bit_xor(hash(t))::VARCHAR AS digest
         FROM (SELECT ${COLUMNS} FROM ${relation}) AS t GROUP BY dataset`,
    );
    const found = new Map(rows.map(({ dataset, digest }) => [String(dataset), String(digest)]));
    return (name) => found.get(name) ?? '';
  }
}

const idOf = (name: string, day: string): string => `${name}/${day}`;
