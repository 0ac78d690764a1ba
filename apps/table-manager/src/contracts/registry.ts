import {
  type CompiledContract,
  type ContractSet,
  ColumnTypeConflict,
  compileText,
  ContractError,
  contractVersionPath,
  evolveColumns,
  explosivePatterns,
} from '@millrace/contracts';
import type { CompatibilityMode, Finding, Verdict } from '@millrace/contracts/compatibility';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type Storage, StorageError } from '@millrace/storage';
import { changeIndex, type Named, withVersion } from './change-index';
import { writeParsed } from './parsed-versions';
import { PublishedVersions } from './published-versions';
import { COMPATIBILITY_DEFAULT, isCompatibilityMode, type Judge, RegistryError, type Turns } from './registry-port';
import { sameDocument } from './same-document';
import { hasOrder, isNewer } from './version-order';

export interface RegistryDeps {
  readonly storage: Storage;
  readonly turns: Turns;
  readonly judge: Judge;
  /** The contracts in force, as storage has them now. */
  readonly inForce: () => Promise<ContractSet>;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Tells everybody of the index: into the audit, and `contracts.changed`. Called after each change. */
  readonly tell: (index: number) => Promise<void>;
}

export interface Publication {
  readonly name: string;
  readonly version: string;
  readonly index: number;
  /** False where the same was published before. */
  readonly changed: boolean;
  readonly verdict: Verdict;
}

/** Movable names of one contract. */
export const ALIASES_MAX = 50;
/** Versions of one contract; each that is compared with costs a reading. */
export const VERSIONS_MAX = 1_000;
/** An alias begins with a letter, so that it is no version. */
const ALIAS = /^[a-z][a-z0-9_-]{0,49}$/;

/**
 * Publishes contract versions that people and programs propose. A version is an immutable file, written once it is known
 * to be compatible; it takes effect with the index that names it.
 */
export class ContractRegistry {
  readonly published: PublishedVersions;

  constructor(private readonly deps: RegistryDeps) {
    this.published = new PublishedVersions(deps.storage);
  }

  /**
   * What publishing a contract would say, and nothing is changed.
   *
   * @param mode another than the contract's own
   * @throws ContractError for a text that is no contract
   */
  async check(text: string, mode?: CompatibilityMode): Promise<Verdict> {
    const next = compileText(text);
    assertPublishable(next);
    return this.verdictOn(next, mode ?? (await this.modeOf(next.name)));
  }

  /**
   * Publishes a version and puts it in force. The same version with the same content changes nothing.
   *
   * @param by who does it
   * @throws ContractError for a text that is no contract; RegistryError
   */
  publish(text: string, by: string): Promise<Publication> {
    const next = compileText(text);
    const { name, version } = next;
    return this.deps.turns.inTurn(async () => {
      const known = await this.published.text(name, version);
      if (known !== null && !sameDocument(known, text))
        throw new RegistryError(
          'version_exists',
          `${name} ${version} is published with another content, which never changes; give this one a new version.`,
        );
      const entry = await this.published.entry(name);
      const inForce = entry?.version;
      const mode = modeOf(entry);
      if (known !== null && inForce !== undefined && !isNewer(version, inForce)) {
        const { index } = await this.published.index();
        return { name, version, index, changed: false, verdict: { compatible: true, mode, against: [] } };
      }
      if (known === null) assertPublishable(next);
      await this.assertNext(next, inForce);
      const verdict = await this.verdictOn(next, mode);
      if (!verdict.compatible)
        throw new RegistryError(
          'incompatible',
          `${name} ${version} is not ${mode} compatible. ${inShort(verdict)}`,
          verdict,
        );
      if (known === null) await this.write(name, version, text);
      await this.deps.failpoint('contract-written');
      const { index } = await this.change(by, (entries) => {
        entries.set(name, withVersion(entries.get(name), next));
        return true;
      });
      return { name, version, index, changed: true, verdict };
    });
  }

  /** Points an alias at a published version. Returns whether it pointed elsewhere. */
  async setAlias(name: string, alias: string, version: string, by: string): Promise<boolean> {
    if (!ALIAS.test(alias))
      throw new RegistryError(
        'bad_name',
        'An alias is a-z, 0-9, _ and -, begins with a letter, and has 50 characters at most.',
      );
    if ((await this.published.text(name, version)) === null)
      throw new RegistryError('not_found', `There is no version ${version.slice(0, 64)} of ${name.slice(0, 128)}.`);
    const { changed } = await this.changeEntry(name, by, (entry) => {
      const aliases = { ...entry.aliases, [alias]: version };
      if (Object.keys(aliases).length > ALIASES_MAX)
        throw new RegistryError('too_many', `A contract has ${ALIASES_MAX} aliases at most.`);
      return entry.aliases?.[alias] === version ? null : { ...entry, aliases };
    });
    return changed;
  }

  /** Takes an alias away. Returns whether there was one. */
  async removeAlias(name: string, alias: string, by: string): Promise<boolean> {
    const { changed } = await this.changeEntry(name, by, (entry) => {
      if (!Object.hasOwn(entry.aliases ?? {}, alias)) return null;
      const { [alias]: _gone, ...aliases } = entry.aliases ?? {};
      return { ...entry, aliases };
    });
    return changed;
  }

  async modeOf(name: string): Promise<CompatibilityMode> {
    return modeOf(await this.published.entry(name));
  }

  async setMode(name: string, mode: CompatibilityMode, by: string): Promise<boolean> {
    const { changed } = await this.changeEntry(name, by, (entry) =>
      modeOf(entry) === mode ? null : { ...entry, compatibility: mode },
    );
    return changed;
  }

  /** Compares with the version in force, or, where the mode is transitive, with every published one. */
  private async verdictOn(next: CompiledContract, mode: CompatibilityMode): Promise<Verdict> {
    const { name, version } = next;
    const inForce = (await this.published.entry(name))?.version;
    const history = mode.endsWith('_TRANSITIVE')
      ? (await this.published.versions(name)).reverse()
      : inForce === undefined
        ? []
        : [inForce];
    const previous: CompiledContract[] = [];
    for (const before of history) {
      const compiled = before === version ? null : await this.published.compiled(name, before);
      if (compiled) previous.push(compiled);
    }
    return this.deps.judge(mode, next, previous);
  }

  /** What holds whatever the mode: versions grow, what is claimed is claimed once, and columns keep their type. */
  private async assertNext(next: CompiledContract, inForce: string | undefined): Promise<void> {
    const { name, version } = next;
    if (inForce !== undefined && !isNewer(version, inForce) && version !== inForce)
      throw new RegistryError(
        'version_not_newer',
        `${name} ${inForce} is in force; ${version} is not newer than that.`,
      );
    const versions = await this.published.versions(name);
    if (versions.length >= VERSIONS_MAX)
      throw new RegistryError('too_many', `${name} has ${versions.length} versions, which is as many as one may have.`);
    await this.assertUnclaimed(next);
    const before = inForce === undefined ? null : await this.published.compiled(name, inForce);
    if (before?.table === next.table) assertColumns(before.columns, next.columns);
  }

  /** @throws RegistryError where another contract governs one of its event types, or has its table */
  async assertUnclaimed({ name, eventTypes, table, columns }: CompiledContract): Promise<void> {
    const { contracts, unavailable } = await this.deps.inForce();
    for (const other of [...contracts, ...unavailable]) {
      if (other.name === name) continue;
      const shared = eventTypes.find((type) => other.eventTypes?.includes(type));
      const taken = 'table' in other && other.table === table;
      if (shared === undefined && !taken) continue;
      // What was inferred makes way for what a person writes about the same events.
      if (shared !== undefined && 'contract' in other && other.contract.inferred === 'unreviewed') {
        if (taken) assertColumns(other.columns, columns);
        continue;
      }
      const what = shared === undefined ? `The table ${table}` : `The event type ${shared}`;
      throw new RegistryError('claimed', `${what} is that of the contract ${other.name} already.`);
    }
  }

  private async write(name: string, version: string, text: string): Promise<void> {
    try {
      await this.deps.storage.createIfAbsent(contractVersionPath(name, version), Buffer.from(text));
    } catch (error) {
      // A start that publishes what it brings does not wait for its turn; it may have been the same text.
      if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
      const known = await this.published.text(name, version);
      if (known === null || !sameDocument(known, text))
        throw new RegistryError('version_exists', `${name} ${version} was published with another content just now.`);
      text = known;
    }
    await writeParsed(this.deps.storage, name, version, text);
  }

  private async changeEntry(
    name: string,
    by: string,
    alter: (entry: Named) => Named | null,
  ): Promise<{ readonly changed: boolean }> {
    return this.deps.turns.inTurn(() =>
      this.change(by, (entries) => {
        const entry = entries.get(name);
        if (!entry) throw new RegistryError('not_found', `There is no contract ${name.slice(0, 128)}.`);
        const altered = alter(entry);
        if (altered) entries.set(name, altered);
        return altered !== null;
      }),
    );
  }

  private async change(by: string, alter: (entries: Map<string, Named>) => boolean) {
    const { storage, failpoint, tell } = this.deps;
    const done = await changeIndex(storage, alter, { by, failpoint });
    if (done.changed) await tell(done.index);
    return done;
  }
}

/** A table's columns never change their type. */
function assertColumns(before: CompiledContract['columns'], next: CompiledContract['columns']): void {
  try {
    evolveColumns(before, next);
  } catch (error) {
    if (!(error instanceof ColumnTypeConflict)) throw error;
    throw new RegistryError('column_type', `The ${error.message}.`);
  }
}

const modeOf = (entry: Pick<Named, 'compatibility'> | null): CompatibilityMode =>
  isCompatibilityMode(entry?.compatibility) ? entry.compatibility : COMPATIBILITY_DEFAULT;

/** The first few findings, in one line. */
function inShort({ against }: Verdict): string {
  const findings: readonly Finding[] = against.flatMap((compared) => compared.findings);
  const shown = findings.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
  return shown.join(' ') + (findings.length > shown.length ? ` (${findings.length - shown.length} more)` : '');
}

/**
 * What was published before stays as it is, and is published again. A version without numbers comes after all that have
 * some, so that a slip such as `one` or `O.9` would leave no room for the next.
 */
function assertPublishable({ contract }: CompiledContract): void {
  const problems = [
    ...(hasOrder(contract.version)
      ? []
      : [
          {
            path: 'version',
            rule: 'must be numbers with dots, as in 1.4.2, with `-` and a word for what comes before it',
          },
        ]),
    ...explosivePatterns(contract),
  ];
  if (problems.length > 0) throw new ContractError(problems);
}
