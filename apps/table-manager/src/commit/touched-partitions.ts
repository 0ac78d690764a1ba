import type { MartDefinition } from '@millrace/marts';
import type { RowQuestions } from '../tables/row-questions';
import type { CommitPlan } from './plan';

export interface TouchedPartitionsDeps {
  readonly questions: Pick<RowQuestions, 'touched'>;
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
    }
    return touched;
  }
}
