import { MessagingError, type RecordBatch } from '@millrace/messaging';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';

type Append = (batch: RecordBatch, partition: string) => Promise<unknown>;

/** An append with the places around it; the append itself where nothing is planned. */
export function withAppendFailpoints(append: Append, failpoint: Failpoint<'ingest-gateway'>): Append {
  if (failpoint === noFailpoints) return append;
  return async (batch, partition) => {
    await failpoint('before-append');
    try {
      await append(batch, partition);
    } catch (error) {
      if (error instanceof MessagingError && error.code === 'MESSAGING_UNKNOWN') await failpoint('append-unknown');
      throw error;
    }
    await failpoint('after-append');
  };
}
