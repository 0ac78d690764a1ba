import { tokenMarks } from '@millrace/topics';
import type { Storage } from '@millrace/storage';
import type { ContractsInForce } from '../contracts/in-force';
import { sealId } from '../privacy/subject-keys';
import type { KeyStore } from '../privacy/key-store';
import type { LakeSearch, TableFound } from './lake-search';
import type { ErasureStore, Rows } from './port';
import { linesUnder, rawParts } from './raw-search';
import { type Kept, keptOf } from './report';

export interface PlanDeps {
  readonly store: Pick<ErasureStore, 'sealed' | 'unnamed'>;
  readonly keys: Pick<KeyStore, 'find'>;
  readonly storage: Pick<Storage, 'get' | 'list'>;
  readonly lake: Pick<LakeSearch, 'table' | 'staged' | 'sizes'>;
  readonly contracts: () => ContractsInForce | null;
  readonly nowMs: () => number;
  readonly dailyKeepDays: number;
  /** Bytes of the raw zone, and of tables, that a plan looks through at most; a run looks through all. */
  readonly bytesMax: number;
}

export interface ErasurePlan {
  readonly kind: string;
  readonly rows: Rows;
  /** Whether a contract in force names subjects of this kind. */
  readonly isKnownKind: boolean;
  /** Names of the subject's keys; none where nothing was ever sealed or tokenized for it. */
  readonly keys: readonly string[];
  readonly raw: {
    /** Lines under the keys in what was looked through. */
    readonly lines: number;
    readonly bytesSearched: number;
    readonly bytesTotal: number;
  };
  readonly quarantined: number;
  readonly waiting: number;
  /** Tables with rows of the subject. */
  readonly tables: readonly Omit<TableFound, 'searched' | 'bytes' | 'martPartitions'>[];
  readonly stagedFiles: number;
  /** Partitions of marts that would be built anew; none where rows are kept. */
  readonly martPartitions: Readonly<Record<string, readonly string[]>>;
  readonly lake: { readonly bytesSearched: number; readonly bytesTotal: number };
  /** Whether all was looked through; else the numbers above are the least that would be found. */
  readonly isComplete: boolean;
  /** What would be left as it is. */
  readonly kept: readonly Kept[];
}

/** What an erasure would destroy; nothing is written. Rejects as the stores do. */
export async function planErasure(
  deps: PlanDeps,
  { tenant, kind, lookup, rows }: { tenant: string; kind: string; lookup: string; rows: Rows },
  signal: AbortSignal,
): Promise<ErasurePlan> {
  const { store, nowMs, dailyKeepDays } = deps;
  const keys = (await deps.keys.find([lookup])).map(({ id }) => sealId(id));
  const contracts = deps.contracts()?.contracts ?? [];
  const raw = await searchRaw(deps, keys, signal);
  const lake = await searchLake(deps, keys, signal);
  const { quarantined, waiting } = await store.sealed(keys);
  const marts = new Map<string, Set<string>>();
  for (const { martPartitions } of rows === 'delete' ? lake.found : [])
    for (const [mart, partitions] of Object.entries(martPartitions))
      marts.set(mart, new Set([...(marts.get(mart) ?? []), ...partitions]));
  return {
    ...{ kind, rows, keys, quarantined, waiting },
    isKnownKind: contracts.some(({ compiled }) => compiled.privacy?.kind === kind),
    raw,
    tables: lake.found.map(({ table, rows: count, files, partitions }) => ({ table, rows: count, files, partitions })),
    stagedFiles: keys.length === 0 ? 0 : (await deps.lake.staged(tokenMarks(keys))).holding.length,
    martPartitions: Object.fromEntries([...marts].map(([mart, partitions]) => [mart, [...partitions].sort()])),
    lake: { bytesSearched: lake.bytesSearched, bytesTotal: lake.bytesTotal },
    isComplete: raw.bytesSearched === raw.bytesTotal && lake.bytesSearched === lake.bytesTotal,
    kept: keptOf({ rows, unnamed: await store.unnamed(tenant), nowMs: nowMs(), dailyKeepDays }),
  };
}

async function searchRaw(
  { storage, bytesMax }: PlanDeps,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<ErasurePlan['raw']> {
  let [lines, bytesSearched, bytesTotal] = [0, 0, 0];
  for await (const { path, bytes } of rawParts(storage, null)) {
    signal.throwIfAborted();
    bytesTotal += bytes;
    if (bytesSearched + bytes > bytesMax) continue;
    bytesSearched += bytes;
    if (keys.length > 0) lines += (await linesUnder(storage, path, keys)).length;
  }
  return { lines, bytesSearched, bytesTotal };
}

async function searchLake(
  { lake, bytesMax }: PlanDeps,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<{ found: TableFound[]; bytesSearched: number; bytesTotal: number }> {
  const sizes = await lake.sizes();
  const bytesTotal = [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (keys.length === 0) return { found: [], bytesSearched: bytesTotal, bytesTotal };
  const found: TableFound[] = [];
  let bytesSearched = 0;
  for (const [id, bytes] of sizes) {
    signal.throwIfAborted();
    if (bytesSearched + bytes > bytesMax) continue;
    bytesSearched += bytes;
    const table = await lake.table(id, tokenMarks(keys), signal);
    if (table && table.rows > 0) found.push(table);
  }
  return { found, bytesSearched, bytesTotal };
}
