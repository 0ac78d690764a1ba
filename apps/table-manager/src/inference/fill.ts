import type { CompiledContract } from '@millrace/contracts';
import type { Mart } from '@millrace/marts';
import { TransactionContradiction } from '@millrace/lakehouse';
import type { OutboxEntry } from '@millrace/messaging/outbox';
import type { Failpoint } from '@millrace/observability/failpoints';
import { type Catalog, EVENTS_TABLE, type TablesChanged, TOPICS } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore } from '../commit/commit-store';
import type { InferredContract, ObservationStore } from '../observation/port';
import type { RowQuestions, TableAt, UntypedRows } from '../tables/row-questions';
import type { TablePool } from '../tables/table-pool';

export interface FillDeps {
  readonly store: Pick<CommitStore, 'progress' | 'announce' | 'again'>;
  readonly observations: ObservationStore;
  readonly tables: TablePool;
  readonly catalog: CatalogWriter;
  readonly questions: Pick<RowQuestions, 'untyped'>;
  readonly contracts: { current(): { readonly index: number; byName(name: string): CompiledContract | undefined } };
  readonly marts: () => readonly Mart[];
  readonly now: () => number;
  readonly newId: () => string;
  readonly failpoint: Failpoint<'table-manager'>;
}

/**
 * Fills the tables of inferred contracts with what landed before them.
 *
 * A batch landed either under an index that names the contract, and has a staged file for its table, or under an earlier
 * one, and its rows say in `clean.events` that no contract checked them: the line makes the change at one number n. Those
 * rows are taken from `clean.events` as one catalog has it, up to the catalog's number, in one Delta commit whose `txn`
 * says how far; what comes below n after that is taken by the next round. It is over once a batch from n on is applied.
 * A crash anywhere is made good by the next round: what the table's `txn` says is there is not taken again. Partitions of
 * marts that the rows belong to are built again, exactly those: they are asked for once readers can see the rows, and
 * before it is noted how far the table is filled.
 *
 * Resolves with whether there is more to be done when more is committed.
 */
export async function fillTables(deps: FillDeps): Promise<boolean> {
  const open = (await deps.observations.inferred()).filter(({ closed }) => !closed);
  let left = false;
  for (const inferred of open) {
    const contract = deps.contracts.current().byName(inferred.contract);
    // Another process has just published it, and this one has not read it yet; or a person's has taken its place.
    if (!contract) {
      left = true;
      continue;
    }
    try {
      left = !(await fillOne(deps, inferred, contract)) || left;
    } catch (error) {
      // Another process fills the same table and is further.
      if (!(error instanceof TransactionContradiction)) throw error;
      left = true;
    }
  }
  return left;
}

/** Batches that one commit fills in, so that what is asked of them stays small. */
const FILL_BATCHES_MAX = 10_000;

/** Resolves with whether nothing more can come. */
async function fillOne(deps: FillDeps, inferred: InferredContract, contract: CompiledContract): Promise<boolean> {
  const { store, observations, tables, catalog } = deps;
  const { name } = contract;
  // The newest index here is none before the first that names it: to end too late does no harm.
  const sinceIndex = inferred.sinceIndex ?? deps.contracts.current().index;
  if (inferred.sinceIndex === null) await observations.noteInForce(name, sinceIndex);
  // In this order: the catalog covers whatever was applied before it was read.
  const applied = await observations.contractsApplied();
  const progress = await store.progress();
  const at = await catalog.refresh();
  const entry = at?.tables[EVENTS_TABLE];
  if (!progress || !at || !entry || at.number < progress.cursor) return false;
  const events = await tables.at(EVENTS_TABLE, entry.version);
  if (!events) throw new Error(`the catalog names ${EVENTS_TABLE}, and there is none`);
  for (let from = inferred.filledTo; ;) {
    const to = await fillPart(deps, { contract, events, at, from });
    await show(deps, contract.table, at, progress.cursor);
    await askAgain(deps, { contract, events, from, to });
    const closed = to >= at.number && applied >= sinceIndex;
    await observations.noteFilled(name, to, closed);
    if (to >= at.number) return closed;
    from = to;
  }
}

interface Part {
  readonly contract: CompiledContract;
  /** `clean.events` as the catalog has it. */
  readonly events: TableAt;
  /** It is noted that rows up to this number are in the table. */
  readonly from: number;
}

/** Resolves with the number up to which rows are in the table now. */
async function fillPart(deps: FillDeps, { at, ...part }: Part & { readonly at: Catalog }): Promise<number> {
  const { contract, from } = part;
  const { table } = await deps.tables.ensure(contract.table);
  const appId = `fill:${contract.name}`;
  const filledTo = Math.max(from, (await table.refresh()).transactionVersion(appId) ?? 0);
  // The first part is taken by type alone, later ones by their batches.
  const to = from === 0 ? at.number : Math.max(filledTo, Math.min(at.number, filledTo + FILL_BATCHES_MAX));
  if (to <= filledTo) return to;
  const { source, rows } = await untypedRows(deps, part, filledTo, to);
  if (rows === 0) return to;
  await table.append(source, { txn: { appId, version: to, expected: filledTo }, compression: 'snappy' });
  await deps.failpoint('filled', contract.table);
  return to;
}

/** What was filled in but not noted is among them: a process may have ended in between. */
async function askAgain(deps: FillDeps, { to, ...part }: Part & { readonly to: number }): Promise<void> {
  const marts = deps.marts().filter(({ sources }) => sources.includes(part.contract.table));
  if (marts.length === 0 || to <= part.from) return;
  const { rows, partitionsOf } = await untypedRows(deps, part, part.from, to);
  if (rows === 0) return;
  for (const mart of marts) {
    const partitions = await partitionsOf(mart);
    await deps.store.again(
      partitions.map((partition) => ({ mart: mart.id, partition })),
      to,
    );
  }
}

async function untypedRows(deps: FillDeps, part: Part, from: number, to: number): Promise<UntypedRows> {
  const { observations, questions, now } = deps;
  const batchIds = from === 0 ? null : await observations.batchIds(from, to);
  if (batchIds && batchIds.length !== to - from)
    throw new Error(`of the batches of (${from}, ${to}] ${batchIds.length} are remembered`);
  return questions.untyped(part.contract, part.events, batchIds, new Date(now()).toISOString());
}

/** Names what is filled in a catalog, unless the table holds rows of a commit under way: that will name it. */
async function show(deps: FillDeps, id: string, at: Catalog, cursor: number): Promise<void> {
  const { table } = await deps.tables.ensure(id);
  const { snapshot } = table;
  if ((snapshot.transactionVersion(at.lineId) ?? 0) > at.number) return;
  if ((at.tables[id]?.version ?? -1) >= snapshot.version) return;
  const tables = { [id]: snapshot.version };
  const published = await deps.catalog.publish({ lineId: at.lineId, number: at.number, tables });
  deps.tables.publish(id, snapshot);
  await deps.failpoint('fill-shown', id);
  const body: TablesChanged = {
    ...{ lineId: at.lineId, number: cursor, from: cursor + 1, catalogVersion: published.version, tables },
    at: published.at,
  };
  const message: OutboxEntry = { id: deps.newId(), topic: TOPICS.tablesChanged.name, body };
  await deps.store.announce(message);
}
