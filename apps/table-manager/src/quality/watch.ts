import { createHash } from 'node:crypto';
import type { BatchRule, ContractSet } from '@millrace/contracts';
import { QUALITY_TABLE } from '@millrace/marts';
import { EVENT_DATE_COLUMN } from '@millrace/topics';
import type { CatalogWriter } from '../catalog/catalog-writer';
import type { CommitStore } from '../commit/commit-store';
import type { TablePool } from '../tables/table-pool';
import type { Failure } from './failures';
import type { QualityStore } from './quality-store';

export interface QualityWatchDeps {
  readonly quality: Pick<QualityStore, 'record' | 'closeGone' | 'newest' | 'digests' | 'noteDigest' | 'forgetBefore'>;
  readonly store: Pick<CommitStore, 'again'>;
  readonly tables: Pick<TablePool, 'at'>;
  readonly catalog: Pick<CatalogWriter, 'refresh'>;
  readonly contracts: () => Pick<ContractSet, 'contracts'>;
  /** The newest days of a dataset that are judged again when its rules change. */
  readonly daysMax: number;
  readonly now: () => number;
}

const DAY_MS = 86_400_000;
/** Closed failures are kept as long. */
const KEEP_MS = 90 * DAY_MS;

/**
 * What has to be looked at whether or not rows arrive: whether datasets are fresh, and whether rules have changed since
 * their days were judged. Resolves with whether days are to be judged again.
 */
export async function watchQuality(deps: QualityWatchDeps): Promise<boolean> {
  const ruled = deps.contracts().contracts.filter(({ quality }) => quality.length > 0);
  await watchFreshness(deps, ruled);
  const rules = new Map(ruled.map(({ name, quality }) => [name, new Set(quality.map(({ id }) => id))]));
  await deps.quality.closeGone(rules, deps.now());
  await deps.quality.forgetBefore(deps.now() - KEEP_MS);
  const changed = await askChanged(deps, ruled);
  return (await askOver(deps, ruled)) || changed;
}

type Ruled = readonly { readonly name: string; readonly table: string; readonly quality: readonly BatchRule[] }[];

/** A dataset that never had a row of a tenant is not missed. */
async function watchFreshness({ quality, now }: QualityWatchDeps, ruled: Ruled): Promise<void> {
  const rules = ruled.flatMap(({ name, quality: all }) => all.flatMap((rule) => freshnessOf(name, rule)));
  const newest = rules.length > 0 ? await quality.newest([...new Set(rules.map(({ dataset }) => dataset))]) : [];
  const failures = rules.flatMap(({ dataset, rule, maxAgeSeconds }) =>
    newest.flatMap((row): Failure[] => {
      const ageSeconds = Math.floor((now() - Date.parse(row.at)) / 1_000);
      if (row.dataset !== dataset || ageSeconds <= maxAgeSeconds) return [];
      return [
        {
          ...{ tenant: row.tenant, dataset, rule: rule.id, day: '', severity: rule.severity, status: 'failed' },
          // The age grows all the time: what is kept is the bound that was passed.
          ...{
            metric: 'freshness',
            value: maxAgeSeconds,
            expectation: `<= ${maxAgeSeconds} s`,
            failed: null,
            error: null,
          },
        },
      ];
    }),
  );
  await quality.record({ days: [''], failures, truncated: false, newest: [] }, now());
}

function freshnessOf(dataset: string, rule: BatchRule) {
  return rule.measure.metric === 'freshness' ? [{ dataset, rule, maxAgeSeconds: rule.measure.maxAgeSeconds }] : [];
}

/** Days are asked for first: a process that ends in between asks once more. */
async function askChanged(
  { quality, store, tables, catalog, daysMax }: QualityWatchDeps,
  ruled: Ruled,
): Promise<boolean> {
  const digests = await quality.digests();
  const changed = ruled
    .map((contract) => ({ ...contract, digest: digestOf(contract.quality) }))
    .filter(({ name, digest }) => digests.get(name) !== digest);
  if (changed.length === 0) return false;
  const at = await catalog.refresh();
  for (const { name, table: id, digest } of changed) {
    const entry = at?.tables[id];
    const found = entry && (await tables.at(id, entry.version));
    const days = new Set<string>();
    for (const { partitionValues } of found?.snapshot.files.values() ?? [])
      if (partitionValues[EVENT_DATE_COLUMN]) days.add(partitionValues[EVENT_DATE_COLUMN]);
    const newest = [...days].sort().reverse().slice(0, daysMax);
    await store.again(
      newest.map((partition) => ({ mart: QUALITY_TABLE, partition })),
      at?.number ?? 0,
    );
    await quality.noteDigest(name, digest);
  }
  return true;
}

/**
 * A day that is over is judged once more by what is usual: only then do fewer rows than usual say something. What was
 * judged last is kept like a dataset's rules, under a name that no dataset can have.
 */
async function askOver({ quality, store, catalog, now }: QualityWatchDeps, ruled: Ruled): Promise<boolean> {
  const wanted = ruled.filter(({ quality: rules }) =>
    rules.some(({ measure }) => measure.metric === 'zScore' && measure.column === null),
  );
  if (wanted.length === 0) return false;
  const yesterday = new Date(now() - DAY_MS).toISOString().slice(0, 10);
  if ((await quality.digests()).get(DAY_OVER) === yesterday) return false;
  const at = await catalog.refresh();
  await store.again([{ mart: QUALITY_TABLE, partition: yesterday }], at?.number ?? 0);
  await quality.noteDigest(DAY_OVER, yesterday);
  return true;
}

const DAY_OVER = '/day over';

const digestOf = (rules: readonly BatchRule[]): string =>
  createHash('sha256').update(JSON.stringify(rules)).digest('hex');
