import type { BatchReceipt, MillraceClient } from './client';
import { batches } from './data-set';

export interface LoadOptions {
  readonly client: Pick<MillraceClient, 'send'>;
  readonly lines: readonly Buffer[];
  /** Names this run: with it each request has an Idempotency-Key, so that a repeated one counts once. */
  readonly runId: string;
  readonly onProgress: (linesSent: number) => void;
  readonly requestsMax?: number;
  readonly linesMax?: number;
  readonly bytesMax?: number;
}

/** Sends all lines, a few requests at a time, in about their order. Resolves with the sums of the receipts. */
export async function load({
  client,
  lines,
  runId,
  onProgress,
  requestsMax = 4,
  linesMax = 1_000,
  bytesMax = 1024 * 1024,
}: LoadOptions): Promise<BatchReceipt> {
  const queue = batches(lines, linesMax, bytesMax);
  const sum = { accepted: 0, quarantined: 0 };
  let sent = 0;
  let number = 0;
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const batch = next.value;
      const receipt = await client.send(batch.body, `demo-${runId}-${number++}`);
      sum.accepted += receipt.accepted;
      sum.quarantined += receipt.quarantined;
      sent += batch.lines;
      onProgress(sent);
    }
  };
  await Promise.all(Array.from({ length: requestsMax }, lane));
  return sum;
}
