import {
  contractIndexPath,
  decodeContractIndex,
  encodeContractIndex,
  type IndexEntry,
  newestIndexIn,
} from '@millrace/contracts';
import { type Failpoint, noFailpoints } from '@millrace/observability/failpoints';
import { type Storage, StorageError } from '@millrace/storage';

/** What an index says of a contract, but for where its file is. */
export type Named = Omit<IndexEntry, 'path'>;

export interface Published {
  readonly index: number;
  /** False when everything was as wanted before. */
  readonly changed: boolean;
}

export async function readNewestIndex(storage: Storage): Promise<ReturnType<typeof decodeContractIndex> | null> {
  const newest = await newestIndexIn(storage);
  return newest === 0 ? null : decodeContractIndex(await storage.get(contractIndexPath(newest)));
}

/**
 * Writes the next index. Of processes that do so at once each has a number of its own: whoever comes second looks at what
 * the first one wrote.
 *
 * @param change alters the entries by name, and says whether there is anything to write; called again after a lost race
 * @param by for the audit
 */
export async function changeIndex(
  storage: Storage,
  change: (entries: Map<string, Named>) => boolean | Promise<boolean>,
  { by, failpoint = noFailpoints }: { readonly by?: string; readonly failpoint?: Failpoint<'table-manager'> } = {},
): Promise<Published> {
  for (;;) {
    const newest = await readNewestIndex(storage);
    const entries = new Map(newest?.contracts.map((entry): [string, Named] => [entry.name, entry]));
    if (!(await change(entries)) && newest) return { index: newest.index, changed: false };
    const index = (newest?.index ?? 0) + 1;
    try {
      await storage.createIfAbsent(contractIndexPath(index), encodeContractIndex(index, [...entries.values()], by));
      await failpoint('contracts-indexed');
      return { index, changed: true };
    } catch (error) {
      // Another process took the number: look again at what it published.
      if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
    }
  }
}

/** An entry whose version in force is another one; what belongs to the contract and not to a version stays. */
export function withVersion(known: Named | undefined, { name, version, eventTypes }: Named): Named {
  return {
    ...{ name, version },
    ...(eventTypes && { eventTypes }),
    ...(known?.aliases && { aliases: known.aliases }),
    ...(known?.compatibility !== undefined && { compatibility: known.compatibility }),
  };
}
