import {
  CONTRACT_VERSION_PREFIX,
  type CompiledContract,
  compileText,
  contractVersionPath,
  type IndexEntry,
} from '@millrace/contracts';
import { type Storage, StorageError } from '@millrace/storage';
import { readNewestIndex } from './change-index';
import { byVersion } from './version-order';

/** Names, versions and aliases as contracts have them; anything else is in no storage path of ours. */
const NAME = /^(?!\.+$)[A-Za-z0-9_.+-]{1,128}$/;
const SUFFIX = '.odcs.yaml';

/** What is published: version files, and what the newest index says of them. */
export class PublishedVersions {
  constructor(private readonly storage: Pick<Storage, 'get' | 'list'>) {}

  /** All entries of the newest index, and its number; 0 before the first. */
  async index(): Promise<{ readonly index: number; readonly contracts: readonly IndexEntry[] }> {
    return (await readNewestIndex(this.storage as Storage)) ?? { index: 0, contracts: [] };
  }

  async entry(name: string): Promise<IndexEntry | null> {
    return (await this.index()).contracts.find((entry) => entry.name === name) ?? null;
  }

  /** Versions of a contract, oldest first; empty where there is none. */
  async versions(name: string): Promise<string[]> {
    if (!NAME.test(name)) return [];
    const prefix = `${CONTRACT_VERSION_PREFIX}${name}/`;
    const found: string[] = [];
    for await (const { path } of this.storage.list(prefix))
      if (path.endsWith(SUFFIX)) found.push(path.slice(prefix.length, -SUFFIX.length));
    return found.sort(byVersion);
  }

  /** The text of a version, or null. */
  async text(name: string, version: string): Promise<string | null> {
    if (!NAME.test(name) || !NAME.test(version)) return null;
    try {
      return (await this.storage.get(contractVersionPath(name, version))).toString('utf8');
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') return null;
      throw error;
    }
  }

  /** The version itself, or the one that an alias points at. */
  async resolve(name: string, versionOrAlias: string): Promise<string> {
    const aliases = (await this.entry(name))?.aliases ?? {};
    return Object.hasOwn(aliases, versionOrAlias) ? (aliases[versionOrAlias] as string) : versionOrAlias;
  }

  /** Compiled, where this release can; null where there is no such version, or it was published by a release that knows more. */
  async compiled(name: string, version: string): Promise<CompiledContract | null> {
    const text = await this.text(name, version);
    try {
      return text === null ? null : compileText(text);
    } catch {
      return null;
    }
  }
}
