import { type KpiWindowFired, TOPICS } from '@millrace/topics';
import { REPLAY_LOG } from '../replay/stored-batch';
import { Additions, namesIn } from './additions';
import { sumMeasures } from './deltas';
import { firingOf, keyOf, told } from './firings';
import type { LandedDeltas, TenantTime, TimeTransaction, WindowRow } from './port';
import { watermarkOf, type WatermarkOptions } from './watermark';

export interface FoldOptions extends WatermarkOptions {
  /** Windows before their watermark are told of this often, if they changed, ms. */
  readonly earlyEveryMs: number;
  /** Names a tenant and dimension that are counted apart; further ones are counted together. */
  readonly namesMax: number;
  /** Tenants that a round looks at only because time goes on (default 1,000). */
  readonly tenantsMax?: number;
  readonly newId: () => string;
}

export interface Folded {
  readonly number: number;
  readonly batches: number;
  readonly firings: number;
  /** There may be more to do at once. */
  readonly more: boolean;
  /** The last of the tenants whose clocks were looked at; null where it was the last of all. */
  readonly clockedTo: string | null;
}

/** Batches of a round. */
const BATCHES_MAX = 50;
/** Different panes of a round, unless a single batch has more: so many windows are read and written, five for each. */
const PANES_MAX = 10_000;
/** Windows that watermarks pass in a round, and windows that are told of early. */
const DUE_MAX = 5_000;
/** Tenants of a round whose watermarks move because time goes on, beside those of which something landed. */
const TENANTS_MAX = 1_000;
/** Firings of a message. */
const FIRINGS_MAX = 500;

/**
 * One round: folds the deltas of batches that landed, moves the watermarks, and tells of the windows that these passed,
 * and of those that changed before or after. All of it is one transaction with the number that it came to. Where there are
 * more tenants than a round looks at, the clock moves the watermarks of the others in the rounds that follow.
 *
 * @param clockedTo where the round before left off with the tenants
 */
export async function foldRound(
  tx: TimeTransaction,
  options: FoldOptions,
  clockedTo: string | null = null,
): Promise<Folded> {
  const { number, earlyMs, nowMs } = tx.progress;
  const { tenantsMax = TENANTS_MAX } = options;
  const found = await tx.deltas(number, BATCHES_MAX);
  const batches = within(found);
  const deltas = batches.flatMap((batch) => batch.deltas);
  const sending = [...new Set(deltas.map(({ tenant }) => tenant))];
  const page = await tx.tenantsAfter(clockedTo, tenantsMax);
  const next = page.length < tenantsMax ? null : (page.at(-1)?.tenant ?? null);
  // A clock that was set back begins a new interval.
  const isEarlyTime = nowMs - earlyMs >= options.earlyEveryMs || nowMs < earlyMs;
  const changed = isEarlyTime ? await tx.changed(DUE_MAX) : [];
  const known = new Map(page.map((tenant) => [tenant.tenant, tenant]));
  const others = new Set([...sending, ...changed.map(({ tenant }) => tenant)].filter((name) => !known.has(name)));
  for (const tenant of await tx.tenants([...others])) known.set(tenant.tenant, tenant);
  const names = { names: await tx.names(namesIn(deltas)), counts: await tx.nameCounts(sending) };
  const additions = new Additions(names, options.namesMax);
  for (const delta of deltas) additions.add(delta, known.get(delta.tenant));

  const tenants = new Map(known);
  for (const batch of batches) moveSources(tenants, batch, nowMs);
  for (const [name, tenant] of tenants)
    tenants.set(name, { ...tenant, watermarkMs: watermarkOf(tenant.sources, tenant.watermarkMs, nowMs, options) });

  const { rows, more } = await touchedRows(tx, additions, tenants, changed);
  const windows: WindowRow[] = [];
  const fired: { row: WindowRow; watermarkMs: number }[] = [];
  for (const { row, isNew } of rows) {
    const watermarkMs = (tenants.get(row.tenant) as TenantTime).watermarkMs;
    const before = known.get(row.tenant)?.watermarkMs ?? -Infinity;
    const kind = firingOf(row, { watermarkMs, isEarlyTime, isBehind: isNew && row.endMs <= before });
    const next = kind === null ? row : { ...row, fired: kind, revision: row.revision + 1, changed: false };
    windows.push(next);
    if (kind !== null) fired.push({ row: next, watermarkMs });
  }
  const to = batches.at(-1)?.number ?? number;
  const changedTenants = [...tenants.values()].filter((tenant) => hasMoved(tenant, known));
  if (to === number && windows.length === 0 && changedTenants.length === 0 && !isEarlyTime)
    return { number, batches: 0, firings: 0, more: next !== null, clockedTo: next };
  await tx.store({
    progress: { number: to, earlyMs: isEarlyTime ? nowMs : earlyMs },
    batchIds: batches.map(({ batchId }) => batchId),
    tenants: changedTenants,
    names: additions.newNames,
    windows,
    sources: additions.sources(),
    late: additions.late(),
    messages: messagesOf(fired, options.newId),
  });
  return {
    number: to,
    batches: batches.length,
    firings: fired.length,
    more: more || next !== null || batches.length < found.length || found.length === BATCHES_MAX,
    clockedTo: next,
  };
}

const hasMoved = (tenant: TenantTime, known: ReadonlyMap<string, TenantTime>): boolean => {
  const before = known.get(tenant.tenant);
  return !before || before.watermarkMs !== tenant.watermarkMs || before.sources !== tenant.sources;
};

/** As many batches as have a bounded number of different panes; those that many of them have are counted together. */
function within(found: readonly LandedDeltas[]): readonly LandedDeltas[] {
  const panes = new Set<string>();
  const end = found.findIndex(({ deltas }, i) => {
    for (const { tenant, panes: some } of deltas)
      for (const { atMs, eventType, facility } of some) panes.add(`${atMs} ${tenant} ${eventType} ${facility}`);
    return i > 0 && panes.size > PANES_MAX;
  });
  return end < 0 ? found : found.slice(0, end);
}

function moveSources(
  tenants: Map<string, TenantTime>,
  { topic, partition, deltas }: LandedDeltas,
  nowMs: number,
): void {
  for (const { tenant, reachedMs } of deltas) {
    const before = tenants.get(tenant) ?? { tenant, watermarkMs: -Infinity, prunedToMs: null, sources: [] };
    // What is replayed is of another time than that at which it lands: it says how far time has come to nobody who knows.
    if (topic === REPLAY_LOG.topic && before.sources.length > 0) continue;
    const others = before.sources.filter((source) => source.topic !== topic || source.partition !== partition);
    const same = before.sources.find((source) => source.topic === topic && source.partition === partition);
    const source = { topic, partition, reachedMs: Math.max(reachedMs, same?.reachedMs ?? -Infinity), seenMs: nowMs };
    tenants.set(tenant, { ...before, sources: [...others, source] });
  }
}

interface Touched {
  readonly row: WindowRow;
  /** It was not there before. */
  readonly isNew: boolean;
}

/** Windows with additions, those that a watermark passes, and, when it is time, those that changed before it. */
async function touchedRows(
  tx: TimeTransaction,
  additions: Additions,
  tenants: ReadonlyMap<string, TenantTime>,
  changed: readonly WindowRow[],
): Promise<{ rows: Touched[]; more: boolean }> {
  const rows = new Map<string, Touched>();
  const added = additions.windows();
  if (added.size > 0) {
    const before = new Map((await tx.windows([...added.values()])).map((row) => [keyOf(row), row]));
    for (const [key, addition] of added) {
      const row = before.get(key);
      if (row) rows.set(key, { row: { ...row, ...sumMeasures(row, addition), changed: true }, isNew: false });
      else rows.set(key, { row: { ...addition, revision: 0, fired: null, changed: true }, isNew: true });
    }
  }
  const due = tenants.size > 0 ? await tx.due([...tenants.values()], DUE_MAX) : [];
  for (const row of [...due, ...changed]) {
    const key = keyOf(row);
    if (!rows.has(key)) rows.set(key, { row, isNew: false });
  }
  // In the order of their keys, as the index has them.
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, touched]) => touched);
  return { rows: sorted, more: due.length === DUE_MAX };
}

function messagesOf(
  fired: readonly { row: WindowRow; watermarkMs: number }[],
  newId: () => string,
): { id: string; topic: string; body: unknown }[] {
  const groups = new Map<string, KpiWindowFired[]>();
  for (const { row, watermarkMs } of fired) {
    const firings = groups.get(row.tenant) ?? [];
    firings.push(told(row, watermarkMs));
    groups.set(row.tenant, firings);
  }
  return [...groups].flatMap(([tenant, firings]) => {
    const messages = [];
    for (let i = 0; i < firings.length; i += FIRINGS_MAX) {
      const body = { tenant, firings: firings.slice(i, i + FIRINGS_MAX) };
      messages.push({ id: newId(), topic: TOPICS.kpiWindows.name, body });
    }
    return messages;
  });
}
