import {
  CONTRACT_PARSED_PREFIX,
  contractParsedPath,
  contractVersionPath,
  encodeParsedContract,
  type IndexEntry,
} from '@millrace/contracts';
import { type Storage, StorageError } from '@millrace/storage';

/**
 * Leaves the parsed form of a version file, which is there, for those who read a thousand of them at their start.
 *
 * @param text the version file's own
 */
export async function writeParsed(
  storage: Pick<Storage, 'createIfAbsent'>,
  name: string,
  version: string,
  text: string,
): Promise<void> {
  const bytes = encodeParsedContract(text);
  if (!bytes) return;
  try {
    await storage.createIfAbsent(contractParsedPath(name, version), bytes);
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
  }
}

/** Does so for versions in force that have none: an older release, or a process that ended in between, published them. */
export async function completeParsed(storage: Storage, entries: readonly IndexEntry[]): Promise<void> {
  const there = new Set<string>();
  for await (const { path } of storage.list(CONTRACT_PARSED_PREFIX)) there.add(path);
  for (const { name, version } of entries) {
    if (there.has(contractParsedPath(name, version))) continue;
    await writeParsedOf(storage, name, version);
  }
}

async function writeParsedOf(storage: Storage, name: string, version: string): Promise<void> {
  let text: string;
  try {
    text = (await storage.get(contractVersionPath(name, version))).toString('utf8');
  } catch (error) {
    if (error instanceof StorageError && !error.canRetry) return;
    throw error;
  }
  try {
    await writeParsed(storage, name, version, text);
  } catch (error) {
    // No contract to this release: nobody who reads it here makes anything of it either.
    if (error instanceof StorageError) throw error;
  }
}
