import { type ContractIndex, contractIndexPath, decodeContractIndex, type IndexEntry } from '@millrace/contracts';
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
 * saying so, and readers only wake up by it; and into the audit each change that an index up to `newest` made (a version
 * put in force, an alias, a compatibility mode), once, also where the process that wrote it died before it could say so.
 */
export async function tellContracts({ store, storage, now, newId }: TellDeps, newest: number): Promise<void> {
  const at = new Date(now()).toISOString();
  const body: ContractsChanged = { index: newest, at };
  const changed: OutboxEntry = { id: newId(), topic: TOPICS.contractsChanged.name, body };
  for (;;) {
    const told = await store.contractsTold();
    if (told >= newest) return store.announce(changed);
    const records = (await changesSince(storage, told, newest)).map((change): OutboxEntry => {
      const id = newId();
      return { id, topic: TOPICS.audit.name, body: recordOf(id, at, change) };
    });
    if (await store.tellContracts(told, newest, [changed, ...records])) return;
  }
}

interface IndexChange {
  readonly action:
    'contracts.published' | 'contracts.alias_set' | 'contracts.alias_removed' | 'contracts.compatibility_set';
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Who wrote the index; this service where it does not say. */
  readonly actor: string;
}

/** Indexes that are read at once. */
const READS_MAX = 16;

/** What the indexes beyond `told` changed, in their order. */
async function changesSince(storage: Pick<Storage, 'get'>, told: number, newest: number): Promise<IndexChange[]> {
  const found: IndexChange[] = [];
  let before = (await indexAt(storage, told)).contracts;
  for (let first = told + 1; first <= newest; first += READS_MAX) {
    const some = Array.from({ length: Math.min(READS_MAX, newest - first + 1) }, (_, i) => first + i);
    const read = await Promise.all(some.map((index) => indexAt(storage, index)));
    for (const [i, { contracts, by = SERVICE }] of read.entries()) {
      const known = new Map(before.map((entry) => [entry.name, entry]));
      for (const entry of contracts)
        for (const change of changesOf(known.get(entry.name), entry))
          found.push({ ...change, detail: { index: some[i], ...change.detail }, actor: by });
      before = contracts;
    }
  }
  return found;
}

function changesOf(before: IndexEntry | undefined, after: IndexEntry): Omit<IndexChange, 'actor'>[] {
  const { name, version } = after;
  const changes: Omit<IndexChange, 'actor'>[] = [];
  const replaced = (previous: string | undefined) => (previous !== undefined ? { previous } : {});
  if (before?.version !== version)
    changes.push({
      action: 'contracts.published',
      subject: `${name}@${version}`,
      detail: replaced(before?.version),
    });
  const [old, now] = [before?.aliases ?? {}, after.aliases ?? {}];
  for (const [alias, to] of Object.entries(now))
    if (old[alias] !== to)
      changes.push({
        action: 'contracts.alias_set',
        subject: `${name}@${alias}`,
        detail: { version: to, ...replaced(old[alias]) },
      });
  for (const alias of Object.keys(old))
    if (!Object.hasOwn(now, alias))
      changes.push({ action: 'contracts.alias_removed', subject: `${name}@${alias}`, detail: replaced(old[alias]) });
  if (before?.compatibility !== after.compatibility && after.compatibility !== undefined)
    changes.push({
      action: 'contracts.compatibility_set',
      subject: name,
      detail: { mode: after.compatibility, ...replaced(before?.compatibility) },
    });
  return changes;
}

async function indexAt(storage: Pick<Storage, 'get'>, index: number): Promise<Pick<ContractIndex, 'contracts' | 'by'>> {
  if (index === 0) return { contracts: [] };
  try {
    return decodeContractIndex(await storage.get(contractIndexPath(index)));
  } catch (error) {
    // An index of long ago that somebody removed: what it put in force, the next one names.
    if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return { contracts: [] };
    throw error;
  }
}

const recordOf = (id: string, at: string, { action, subject, detail, actor }: IndexChange): AuditRecord => ({
  ...{ id, at, service: SERVICE, actor, action, subject, detail },
});
