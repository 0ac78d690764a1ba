import type { BatchStaged, FateCount, StagedFile } from '@millrace/topics';
import { acceptSpan, type MicroBatch } from '../pipeline/received';

/** `batches.staged` before the batch has its number. */
export type UnnumberedBatch = Omit<BatchStaged, 'number'>;

export function describeBatch(
  batch: MicroBatch,
  about: {
    readonly lineId: string;
    readonly batchId: number;
    readonly landedAt: string;
    readonly contractsIndex: number;
    readonly traceparent?: string;
  },
  files: readonly StagedFile[],
  counts: readonly FateCount[],
  seen: Pick<BatchStaged, 'profiles' | 'unprofiled'> = {},
): UnnumberedBatch {
  const span = acceptSpan(batch.items);
  return {
    ...about,
    topic: batch.topic,
    partition: batch.partition,
    range: batch.range,
    acceptedFrom: span.from,
    acceptedTo: span.to,
    files,
    counts,
    ...seen,
  };
}
