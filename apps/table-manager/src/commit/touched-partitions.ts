import { DuckError } from '@millrace/lakehouse/duckdb';
import type { Mart } from '@millrace/marts';
import type { CatalogWriter } from '../catalog/catalog-writer';
import { isLakeUnwritable } from '../run/cause';
import type { RowQuestions } from '../tables/row-questions';
import type { TablePool } from '../tables/table-pool';
import type { CommitPlan } from './plan';

export interface TouchedPartitionsDeps {
  readonly questions: Pick<RowQuestions, 'touched' | 'using'>;
  readonly tables: Pick<TablePool, 'at'>;
  readonly catalog: Pick<CatalogWriter, 'current'>;
  readonly marts: () => readonly Mart[];
}

/**
 * Which partitions of which marts the rows of a range belong to, by each mart's partition expression; and which use what
 * the range changes of dimensions.
 */
export class TouchedPartitions {
  constructor(private readonly deps: TouchedPartitionsDeps) {}

  async of(plan: CommitPlan): Promise<Map<string, Set<string>>> {
    // Marts mostly share a source and an expression: the rows are looked through once for all of those.
    const asked = new Map<string, Promise<string[]>>();
    const touched = new Map<string, Set<string>>();
    for (const mart of this.deps.marts()) {
      for (const source of mart.sources) {
        if (!plan.tables.has(source)) continue;
        const key = JSON.stringify([source, mart.partitionExpression]);
        if (!asked.has(key))
          asked.set(
            key,
            this.deps.questions.touched(
              mart,
              (plan.tables.get(source) ?? []).map(({ path }) => path),
            ),
          );
        const partitions = touched.get(mart.id) ?? new Set<string>();
        for (const partition of await (asked.get(key) as Promise<string[]>)) partitions.add(partition);
        touched.set(mart.id, partitions);
      }
      for (const partition of await this.using(plan, mart)) {
        const partitions = touched.get(mart.id) ?? new Set<string>();
        touched.set(mart.id, partitions.add(partition));
      }
    }
    return touched;
  }

  /** Among the rows that are committed already: those of the range itself are touched as such. */
  private async using(plan: CommitPlan, mart: Mart): Promise<string[]> {
    const { questions, tables, catalog } = this.deps;
    const partitions: string[] = [];
    for (const dimension of mart.dimensions) {
      if (dimension.sourceKey === null) continue;
      const files = plan.tables.get(dimension.table)?.map(({ path }) => path) ?? [];
      if (files.length === 0) continue;
      for (const source of mart.sources) {
        const entry = catalog.current?.tables[source];
        const at = entry && (await tables.at(source, entry.version));
        if (!at) continue;
        try {
          partitions.push(
            ...(await questions.using(mart, { ...dimension, sourceKey: dimension.sourceKey }, files, at)),
          );
        } catch (error) {
          if (!(error instanceof DuckError) || isLakeUnwritable(error)) throw error;
          // Rows that cannot be read may use what has changed, and hold up no commit: all of the mart is built again.
          partitions.push(...(await this.built(mart)));
        }
      }
    }
    return partitions;
  }

  /** Partitions that a mart has. What it has not yet is stale already. */
  private async built({ id, partitionColumn }: Mart): Promise<string[]> {
    const entry = this.deps.catalog.current?.tables[id];
    const at = entry && (await this.deps.tables.at(id, entry.version));
    const values = [...(at?.snapshot.files.values() ?? [])].map((file) => file.partitionValues[partitionColumn]);
    return values.filter((value) => value !== null && value !== undefined);
  }
}
