import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { MillraceSystem } from './system';

export type Row = Readonly<Record<string, unknown>>;

/** Nothing may stand still for longer than this while something is left to do. */
const STILL_MS_MAX = 90_000;
const POLL_MS = 500;

const LEFT = `
  SELECT (SELECT coalesce(max(number), 0) FROM curation_worker.manifest) AS landed,
         (SELECT coalesce(max(number), 0) FROM table_manager.cursor) AS committed,
         (SELECT count(*) FROM table_manager.mart_partition WHERE touched > built AND frozen_at IS NULL) AS stale,
         (SELECT count(*) FROM table_manager.outbox) AS unsent`;

/**
 * Waits until nothing is pending, every landed batch is in the tables, and no mart partition is stale; or until nothing
 * has changed for long, which the checker then finds. Resolves with the address of the database.
 */
export async function drained(
  system: MillraceSystem,
  say: (text: string) => void,
  signal?: AbortSignal,
): Promise<{ adminUrl: string }> {
  const adminUrl = system.adminUrl();
  let changedAt = performance.now();
  let seen = '';
  for (;;) {
    signal?.throwIfAborted();
    const state = await stateOf(system, adminUrl).catch((error: Error) => error.message);
    if (typeof state !== 'string') {
      const { pending, landed, committed, stale, unsent } = state;
      if (pending === 0 && landed === committed && stale === 0 && unsent === 0) return { adminUrl };
    }
    const now = JSON.stringify(state);
    if (now !== seen) {
      seen = now;
      changedAt = performance.now();
    } else if (performance.now() - changedAt > STILL_MS_MAX) {
      say(`it does not come to rest: ${now}`);
      return { adminUrl };
    }
    await sleep(POLL_MS);
  }
}

async function stateOf(system: MillraceSystem, adminUrl: string) {
  const answer = await get<{ totals: { pending: number; received: number } }>(system.url, '/v1/conservation');
  const client = new Client({ connectionString: adminUrl, application_name: 'chaos' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query(LEFT);
    const [row] = rows as Record<string, string>[];
    return {
      ...{ pending: answer.totals.pending, received: answer.totals.received },
      ...{ landed: Number(row?.['landed']), committed: Number(row?.['committed']) },
      ...{ stale: Number(row?.['stale']), unsent: Number(row?.['unsent']) },
    };
  } finally {
    await client.end();
  }
}

/** All pages of rows. */
export async function httpRows(origin: string, query: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (let page: string | undefined; ;) {
    const more = page === undefined ? '' : `&page=${encodeURIComponent(page)}`;
    const answer = await get<{ rows: Row[]; nextPage?: string | number | null }>(origin, query + more);
    rows.push(...answer.rows);
    if (answer.nextPage === undefined || answer.nextPage === null) return rows;
    page = String(answer.nextPage);
  }
}

async function get<T>(origin: string, query: string): Promise<T> {
  const response = await fetch(new URL(query, origin), { signal: AbortSignal.timeout(15_000) });
  if (!response.ok) throw new Error(`${query} was answered with ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
