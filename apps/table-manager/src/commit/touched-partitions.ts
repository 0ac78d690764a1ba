import { type Duck, quoteList } from '@millrace/lakehouse';
import { type MartDefinition, touchedPartitionsSql } from '@millrace/marts';
import type { Storage } from '@millrace/storage';
import type { CommitPlan } from './plan';

export interface TouchedPartitionsDeps {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly marts: readonly MartDefinition[];
}

/** Which partitions of which marts the rows of a range belong to, by each mart's partition expression. */
export class TouchedPartitions {
  constructor(private readonly deps: TouchedPartitionsDeps) {}

  async of(plan: CommitPlan): Promise<Map<string, Set<string>>> {
    // Marts mostly share a source and an expression: the rows are looked through once for all of those.
    const asked = new Map<string, Promise<string[]>>();
    const touched = new Map<string, Set<string>>();
    for (const mart of this.deps.marts) {
      for (const source of mart.sources) {
        if (!plan.tables.has(source)) continue;
        const key = JSON.stringify([source, mart.partitionExpression]);
        if (!asked.has(key)) asked.set(key, this.partitions(plan, mart, source));
        const partitions = touched.get(mart.id) ?? new Set<string>();
        for (const partition of await (asked.get(key) as Promise<string[]>)) partitions.add(partition);
        touched.set(mart.id, partitions);
      }
    }
    return touched;
  }

  private async partitions(plan: CommitPlan, mart: MartDefinition, source: string): Promise<string[]> {
    const { storage, duck } = this.deps;
    const files = plan.tables.get(source) ?? [];
    const local = await Promise.all(files.map((file) => storage.localPath(file.path)));
    const relation = `read_parquet(${quoteList(local)}, union_by_name = true, hive_partitioning = false)`;
    const rows = await duck.query(touchedPartitionsSql(mart, relation));
    return rows.map((row) => String(row.partition_value));
  }
}
