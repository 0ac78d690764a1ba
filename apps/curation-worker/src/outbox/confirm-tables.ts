import type { TablesChanged } from '@millrace/topics';
import type { LandedOutbox } from './landed-outbox';

/** Table-manager has committed: what is up to its number need not be announced again. */
export async function confirmTables(outbox: Pick<LandedOutbox, 'confirm'>, message: TablesChanged): Promise<void> {
  if (typeof message.lineId !== 'string' || !Number.isSafeInteger(message.number)) {
    throw new TypeError('tables.changed names no line and number');
  }
  await outbox.confirm(message.lineId, message.number);
}
