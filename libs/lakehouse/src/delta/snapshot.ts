import type {
  Action,
  AddFile,
  CommitInfo,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  Transaction,
} from './actions';
import { LayeredMap } from './layered-map';
import { type Field, parseSchema, schemaDigest } from './schema';
import { statsOf } from './stats';

interface State {
  readonly version: number;
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  readonly files: LayeredMap<AddFile>;
  readonly tombstones: LayeredMap<RemoveFile>;
  readonly transactions: ReadonlyMap<string, Transaction>;
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  readonly commitInfo: CommitInfo | null;
}

/** A version of a table: an immutable value. Those of neighbouring versions share what did not change. */
export class Snapshot {
  static readonly EMPTY = new Snapshot({
    version: -1,
    protocol: null,
    metadata: null,
    files: LayeredMap.empty(),
    tombstones: LayeredMap.empty(),
    transactions: new Map(),
    domains: new Map(),
    commitInfo: null,
  });

  readonly version: number;
  /** Files whose rows make up the table, by `add.path`. */
  readonly files: LayeredMap<AddFile>;
  /** Removed files that a vacuum may not have deleted yet. */
  readonly tombstones: LayeredMap<RemoveFile>;
  readonly transactions: ReadonlyMap<string, Transaction>;
  readonly domains: ReadonlyMap<string, DomainMetadata>;
  /** Of the commit that made this version; null when it came from a checkpoint. */
  readonly commitInfo: CommitInfo | null;
  private readonly state: State;
  private schemaCache: { fields: readonly Field[]; digest: string } | null = null;

  private constructor(state: State) {
    this.state = state;
    this.version = state.version;
    this.files = state.files;
    this.tombstones = state.tombstones;
    this.transactions = state.transactions;
    this.domains = state.domains;
    this.commitInfo = state.commitInfo;
  }

  get protocol(): Protocol {
    if (!this.state.protocol) throw new Error('the log holds no protocol');
    return this.state.protocol;
  }

  get metadata(): Metadata {
    if (!this.state.metadata) throw new Error('the log holds no metadata');
    return this.state.metadata;
  }

  get isComplete(): boolean {
    return this.state.protocol !== null && this.state.metadata !== null;
  }

  get fields(): readonly Field[] {
    return this.schema().fields;
  }

  /** See `schemaDigest`. */
  get digest(): string {
    return this.schema().digest;
  }

  get partitionColumns(): readonly string[] {
    return this.metadata.partitionColumns ?? [];
  }

  get properties(): Readonly<Record<string, string>> {
    return this.metadata.configuration ?? {};
  }

  /** Rows of all files, or null when a file does not say. */
  get rows(): number | null {
    let rows = 0;
    for (const file of this.files.values()) {
      const n = statsOf(file)?.numRecords;
      if (n === undefined) return null;
      rows += n;
    }
    return rows;
  }

  get bytes(): number {
    let bytes = 0;
    for (const file of this.files.values()) bytes += file.size;
    return bytes;
  }

  /** Last version recorded by transactions of `appId`, or null. */
  transactionVersion(appId: string): number | null {
    return this.transactions.get(appId)?.version ?? null;
  }

  /** This snapshot with further commits applied, given in the order of their versions. */
  advance(commits: readonly { readonly version: number; readonly actions: readonly Action[] }[]): Snapshot {
    if (commits.length === 0) return this;
    let { protocol, metadata, transactions, domains } = this.state;
    let commitInfo: CommitInfo | null = null;
    const files: [string, AddFile | undefined][] = [];
    const tombstones: [string, RemoveFile | undefined][] = [];
    for (const { actions } of commits) {
      commitInfo = null;
      // Within a commit order has no meaning, except that a file may be removed and added again: removals go first.
      for (const action of actions) {
        if ('remove' in action) {
          files.push([action.remove.path, undefined]);
          tombstones.push([action.remove.path, action.remove]);
        }
      }
      for (const action of actions) {
        if ('add' in action) {
          files.push([action.add.path, action.add]);
          tombstones.push([action.add.path, undefined]);
        } else if ('protocol' in action) protocol = action.protocol;
        else if ('metaData' in action) metadata = action.metaData;
        else if ('commitInfo' in action) commitInfo = action.commitInfo;
        else if ('txn' in action) transactions = new Map(transactions).set(action.txn.appId, action.txn);
        else if ('domainMetadata' in action) {
          const next = new Map(domains);
          if (action.domainMetadata.removed) next.delete(action.domainMetadata.domain);
          else next.set(action.domainMetadata.domain, action.domainMetadata);
          domains = next;
        }
      }
    }
    const next = new Snapshot({
      version: commits[commits.length - 1].version,
      protocol,
      metadata,
      files: this.files.with(files),
      tombstones: this.tombstones.with(tombstones),
      transactions,
      domains,
      commitInfo,
    });
    if (metadata === this.state.metadata) next.schemaCache = this.schemaCache;
    return next;
  }

  private schema(): { fields: readonly Field[]; digest: string } {
    if (!this.schemaCache) {
      const fields = parseSchema(this.metadata.schemaString);
      this.schemaCache = { fields, digest: schemaDigest(fields, this.partitionColumns) };
    }
    return this.schemaCache;
  }
}
