import type { CatalogContract } from '@millrace/contracts';
import type { Duck } from '@millrace/lakehouse';
import type { Messaging, Timers } from '@millrace/messaging';
import type { Outbox } from '@millrace/messaging/outbox';
import type { Random } from '@millrace/observability';
import type { Failpoint } from '@millrace/observability/failpoints';
import type { Storage } from '@millrace/storage';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore } from '../commit/commit-store';
import type { CommitDone } from '../commit/committer';
import type { ContractsInForce } from '../contracts/contracts-in-force';
import type { TableErasureStore } from '../erasure/port';
import type { Inference } from '../inference/inference';
import type { InferenceSettings } from '../inference/settings';
import type { Rebuilt } from '../marts/rebuild';
import type { Setback, Setbacks } from '../marts/setbacks';
import type { ObservationStore } from '../observation/port';
import type { QualityStore } from '../quality/quality-store';
import type { RowsRemoved } from '../retention/enforce-retention';
import type { RetentionStore } from '../retention/port';
import type { Vacuumed, VacuumRecord } from '../tables/maintenance';
import type { RowQuestions } from '../tables/row-questions';
import type { TablePool, TablePoolDeps } from '../tables/table-pool';
import type { Sequence } from './sequence';

export interface TableManagerPorts {
  readonly storage: Storage;
  readonly duck: Duck;
  readonly questions: RowQuestions;
  readonly store: CommitStore & { readonly outbox: Outbox };
  readonly observations: ObservationStore;
  /** What fails of the quality rules; without it nothing but the results is kept. */
  readonly quality?: QualityStore;
  readonly messaging: Messaging;
  /** Without it nobody asks for rows to be erased. */
  readonly erasures?: TableErasureStore;
  /** Without it rows are kept for good, whatever contracts say. */
  readonly retention?: RetentionStore;
  readonly vacuumRecord: VacuumRecord;
  readonly contracts: readonly CatalogContract[];
  readonly clock: { now(): number };
  readonly monotonicMs: () => number;
  /** CPU time of this process so far; without it the time that work takes counts as its effort. */
  readonly cpuMs?: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly newId: () => string;
  /** For the jitter of waits; without it there is none. */
  readonly random?: Pick<Random, 'next'>;
  readonly failpoint: Failpoint<'table-manager'>;
  /** Of the outbox; default this process's. */
  readonly timers?: Timers;
  /** How tables are opened, where it is not as usual. */
  readonly tableOptions?: TablePoolDeps['tableOptions'];
}

export interface TableManagerSettings {
  readonly commitEveryMs: number;
  readonly commitBatchesMax: number;
  readonly commitRowsMax: number;
  readonly martsEveryMs: number;
  readonly martPartitionsMax: number;
  readonly martRowsMax: number;
  readonly compactEveryMs: number;
  readonly compactFilesMin: number;
  readonly targetFileBytes: number;
  readonly vacuumEveryMs: number;
  /** The newest days of a dataset that are judged again when its quality rules change. Default 35. */
  readonly qualityDaysMax?: number;
  /** Files that held erased rows are deleted so long after no catalog names them; default 10 s. */
  readonly erasureGraceMs?: number;
  /** How often rows are looked for that contracts no longer keep; default a minute. */
  readonly retentionEveryMs?: number;
  /** Files that are looked into at once for that; default 64. */
  readonly retentionFilesMax?: number;
  /** Without it contracts are neither inferred nor evolved. */
  readonly inference?: InferenceSettings;
}

/** What is worth telling people and metrics. */
export interface TableManagerEvents {
  onCommitted?(done: CommitDone, ms: number): void;
  onRebuilt?(done: Rebuilt, ms: number): void;
  onCompacted?(table: string, files: number): void;
  onVacuumed?(table: string, result: Vacuumed): void;
  onRemoved?(removed: RowsRemoved): void;
  /** Something of a mart cannot be built; the rest goes on. */
  onMartFailed?(setback: Setback): void;
  onError(error: unknown, what: string): void;
}

export interface TableManager {
  /** Everything that only one process should do at a time: the rounds below, at their pace, and what feeds them. */
  readonly work: Sequence;
  readonly rounds: {
    commit(): Promise<CommitDone | null>;
    rebuild(): Promise<Rebuilt | null>;
    maintain(signal: AbortSignal): Promise<void>;
    /** Contracts for unknown types and new fields, and rows for their tables. Whether something was done. */
    infer(): Promise<boolean>;
    /** Freshness, and rules that changed. Whether days are to be judged again. */
    watchQuality(): Promise<boolean>;
    /** One step of the erasure that was asked for first. Whether there may be more at once. */
    erase(signal: AbortSignal): Promise<boolean>;
    /** A part of what contracts no longer keep. Whether there may be more at once. */
    retain(signal: AbortSignal): Promise<boolean>;
  };
  readonly inference: Inference | null;
  readonly catalog: CatalogWriter;
  readonly tables: TablePool;
  readonly contracts: ContractsInForce;
  /** Says that an index has been written, by whichever process: into the audit, and to everybody who runs. */
  tell(index: number): Promise<void>;
  /** Sends what is in the outbox, now. Never rejects: what could not be sent waits. */
  flush(): Promise<void>;
  /** What of the marts failed last time, and is tried again by itself. */
  readonly setbacks: Setbacks;
  /**
   * Why it is not getting on: rows do not come into the tables, or nothing can be written to the lake. Null while it is. A
   * mart that cannot be built, or a table that cannot be maintained, is no fault of the service.
   */
  fault(): string | null;
}
