import { contractIndexPath, decodeContractIndex, type IndexEntry } from '@millrace/contracts';
import type { OutboxEntry } from '@millrace/messaging/outbox';
import { type Storage, StorageError } from '@millrace/storage';
import { type AuditRecord, type ContractsChanged, TOPICS } from '@millrace/topics';
import type { CommitStore } from '../commit/commit-store';

export interface TellDeps {
  readonly store: Pick<CommitStore, 'announce' | 'contractsTold' | 'tellContracts'>;
  readonly storage: Pick<Storage, 'get'>;
  readonly now: () => number;
  readonly newId: () => string;
}

const SERVICE = 'table-manager';

/**
 * Says which contracts are in force: `contracts.changed` each time, since a crash may have come between publishing and
 * saying so, and readers only wake up by it; and into the audit each version that an index up to `newest` put in force,
 * once, also where the process that published it died before it could say so.
 */
export async function tellContracts({ store, storage, now, newId }: TellDeps, newest: number): Promise<void> {
  const at = new Date(now()).toISOString();
  const body: ContractsChanged = { index: newest, at };
  const changed: OutboxEntry = { id: newId(), topic: TOPICS.contractsChanged.name, body };
  for (;;) {
    const told = await store.contractsTold();
    if (told >= newest) return store.announce(changed);
    const published = (await publishedSince(storage, told, newest)).map((version): OutboxEntry => {
      const id = newId();
      return { id, topic: TOPICS.audit.name, body: recordOf(id, at, version) };
    });
    if (await store.tellContracts(told, newest, [changed, ...published])) return;
  }
}

interface Publication extends IndexEntry {
  readonly index: number;
  /** The version that it replaced. */
  readonly previous?: string;
}

/** Versions in the order in which indexes beyond `told` put them in force. */
async function publishedSince(storage: Pick<Storage, 'get'>, told: number, newest: number): Promise<Publication[]> {
  const found: Publication[] = [];
  let before = await versionsOf(storage, told);
  for (let index = told + 1; index <= newest; index++) {
    const entries = await entriesOf(storage, index);
    for (const entry of entries) {
      const previous = before.get(entry.name);
      if (previous !== entry.version) found.push({ ...entry, index, ...(previous !== undefined && { previous }) });
    }
    before = new Map(entries.map(({ name, version }) => [name, version]));
  }
  return found;
}

async function versionsOf(storage: Pick<Storage, 'get'>, index: number): Promise<Map<string, string>> {
  return new Map((index > 0 ? await entriesOf(storage, index) : []).map(({ name, version }) => [name, version]));
}

async function entriesOf(storage: Pick<Storage, 'get'>, index: number): Promise<readonly IndexEntry[]> {
  try {
    return decodeContractIndex(await storage.get(contractIndexPath(index))).contracts;
  } catch (error) {
    // An index of long ago that somebody removed: what it put in force, the next one names.
    if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return [];
    throw error;
  }
}

const recordOf = (id: string, at: string, { name, version, index, previous }: Publication): AuditRecord => ({
  ...{ id, at, service: SERVICE, actor: SERVICE },
  action: 'contracts.published',
  subject: `${name}@${version}`,
  detail: { index, ...(previous !== undefined && { previous }) },
});
