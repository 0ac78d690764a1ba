/**
 * The actions of the Delta transaction log, as they stand in its JSON lines.
 * Source: Delta Transaction Log Protocol, "Actions" (delta-io/delta PROTOCOL.md). Times are milliseconds since the epoch.
 */
export type Action =
  | { readonly commitInfo: CommitInfo }
  | { readonly protocol: Protocol }
  | { readonly metaData: Metadata }
  | { readonly add: AddFile }
  | { readonly remove: RemoveFile }
  | { readonly txn: Transaction }
  | { readonly domainMetadata: DomainMetadata }
  /** Change data files; of no use to a reader of snapshots. */
  | { readonly cdc: unknown };

export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

export interface Metadata {
  readonly id: string;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly format: { readonly provider: string; readonly options?: Readonly<Record<string, string>> };
  /** A JSON text: see schema.ts. */
  readonly schemaString: string;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly createdTime?: number | null;
}

export type PartitionValues = Readonly<Record<string, string | null>>;

export interface AddFile {
  /** Relative to the table's root and percent-encoded as a URI. */
  readonly path: string;
  readonly partitionValues: PartitionValues;
  readonly size: number;
  readonly modificationTime: number;
  /** False when the commit only rearranges rows among files. */
  readonly dataChange: boolean;
  /** A JSON text: see stats.ts. */
  readonly stats?: string | null;
  readonly tags?: Readonly<Record<string, string>> | null;
  readonly deletionVector?: unknown;
}

export interface RemoveFile {
  readonly path: string;
  readonly deletionTimestamp?: number | null;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean | null;
  readonly partitionValues?: PartitionValues | null;
  readonly size?: number | null;
  readonly deletionVector?: unknown;
}

export interface Transaction {
  readonly appId: string;
  readonly version: number;
  readonly lastUpdated?: number | null;
}

export interface DomainMetadata {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
}

export interface CommitInfo {
  readonly timestamp?: number;
  readonly operation?: string;
  readonly operationParameters?: Readonly<Record<string, unknown>>;
  readonly operationMetrics?: Readonly<Record<string, string>>;
  readonly engineInfo?: string;
  readonly isBlindAppend?: boolean;
  readonly readVersion?: number;
  /** Tells our own commit from another's when the answer to the write was lost. */
  readonly txnId?: string;
  readonly [other: string]: unknown;
}

export function parseCommit(bytes: Buffer): Action[] {
  const actions: Action[] = [];
  for (const line of bytes.toString('utf8').split('\n'))
    if (line.trim() !== '') actions.push(JSON.parse(line) as Action);
  return actions;
}

export const serializeCommit = (actions: readonly Action[]): Buffer =>
  Buffer.from(`${actions.map((action) => JSON.stringify(action)).join('\n')}\n`);

/** The removal of a file, as a commit of `now` records it. */
export const removalOf = (file: AddFile, now: number, dataChange: boolean): { remove: RemoveFile } => ({
  remove: {
    path: file.path,
    deletionTimestamp: now,
    dataChange,
    extendedFileMetadata: true,
    partitionValues: file.partitionValues,
    size: file.size,
  },
});
