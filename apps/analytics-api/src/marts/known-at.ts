import { ProblemException } from '@millrace/service';
import type { Catalog } from '@millrace/topics';
import type { Lake } from '../catalog/lake';
import { badParameter } from '../http/parameters';
import type { BatchesKnown, ReadModels } from '../projection/read-models';

/** How far back it is known which batches were committed when. */
export const KNOWN_AT_DAYS_MAX = 90;
const DAY_MS = 86_400_000;
const LOOK_EVERY_MS = 50;
const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

export interface KnownAtDeps {
  readonly lake: Pick<Lake, 'catalog'>;
  readonly readModels: Pick<ReadModels, 'batchesKnownAt'>;
  /** Looks for a newer catalog. */
  readonly refreshCatalog: () => Promise<Catalog | null>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
  readonly waitMsMax: number;
}

/**
 * The time that `known_at` names; what is finer than a millisecond is cut off, as in the times of commits.
 *
 * @throws ProblemException 400 for what is no RFC 3339 time with a zone, or lies ahead; 410 beyond what is kept
 */
export function knownAtTime(text: string, now: number): Date {
  const date = INSTANT.exec(text)?.[1];
  const real = date !== undefined && new Date(`${date}T00:00:00Z`).getUTCDate() === Number(date.slice(8));
  const at = new Date(real ? text : Number.NaN);
  if (Number.isNaN(at.getTime())) {
    throw badParameter('known_at', 'must be an RFC 3339 time with its zone (a plus sign is %2B in a URL)');
  }
  if (at.getTime() > now) throw badParameter('known_at', 'must not lie ahead');
  if (at.getTime() < now - KNOWN_AT_DAYS_MAX * DAY_MS) throw forgotten();
  return at;
}

/**
 * The batches that had been committed at a time, and a catalog that holds them. Waits until everything in that catalog is
 * known here, `waitMsMax` at most. Null on a lake without a commit.
 *
 * @throws ProblemException 410 when it is not known any more, 503 while it is not known yet
 */
export async function knownAt(
  { lake, readModels, refreshCatalog, sleep, now, waitMsMax }: KnownAtDeps,
  at: Date,
): Promise<{ catalog: Catalog; batches: BatchesKnown } | null> {
  const deadline = now() + waitMsMax;
  for (;;) {
    const catalog = lake.catalog();
    if (!catalog) return null;
    const batches = await readModels.batchesKnownAt(catalog.lineId, at, catalog.number);
    if (batches === 'forgotten') throw forgotten();
    if (batches !== 'behind' && batches.number <= catalog.number) return { catalog, batches };
    if (now() >= deadline) {
      const detail = 'What was committed last is not known here yet.';
      throw new ProblemException(503, { detail }, { 'retry-after': '1' });
    }
    await refreshCatalog();
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * Rows that are deleted are missing from what is computed of the others.
 *
 * @throws ProblemException 410 for a period with days of which the mart's sources may lack rows
 */
export function assertRowsKept({ tables }: Pick<Catalog, 'tables'>, mart: string, from: string | undefined): void {
  const { expiredTo } = tables[mart] ?? {};
  if (expiredTo === undefined || (from !== undefined && from > expiredTo)) return;
  throw new ProblemException(410, {
    detail: `What was known then of days up to ${expiredTo} is not known any more: rows of theirs are deleted, as their contract has it. Ask from a later day on, or without known_at.`,
  });
}

const forgotten = (): ProblemException =>
  new ProblemException(410, {
    detail: `What was known then is not known any more: it is kept for ${KNOWN_AT_DAYS_MAX} days.`,
  });
