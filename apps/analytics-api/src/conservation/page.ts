import { badParameter } from '../http/parameters';
import type { ConservationRow } from '../projection/read-models';

const ROWS_MAX = 10_000;

export interface Page {
  readonly limit: number;
  /** Key of the last row of the page before. */
  readonly after: string | null;
}

/** @throws ProblemException 400 */
export function readPage(limit: string | undefined, page: string | undefined): Page {
  const rows = limit === undefined ? ROWS_MAX : /^\d{1,9}$/.test(limit) ? Number(limit) : 0;
  if (rows < 1 || rows > ROWS_MAX) throw badParameter('limit', `must be a whole number, 1 to ${ROWS_MAX}`);
  if (page === undefined) return { limit: rows, after: null };
  const after = Buffer.from(page, 'base64url').toString('utf8');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n/.test(after)) {
    throw badParameter('page', 'must be the nextPage of an earlier answer to the same question');
  }
  return { limit: rows, after };
}

/** Rows come in the order of their keys: hour, source, tenant. A page continues behind a key, so new rows shift nothing. */
export function pageOfRows(
  rows: readonly ConservationRow[],
  { limit, after }: Page,
): { rows: readonly ConservationRow[]; nextPage?: string } {
  const start = after === null ? 0 : rows.findIndex((row) => isBehind(row, after));
  const page = start < 0 ? [] : rows.slice(start, start + limit);
  const last = page.at(-1);
  const more = start >= 0 && start + limit < rows.length && last !== undefined;
  return { rows: page, ...(more && { nextPage: Buffer.from(keyOf(last)).toString('base64url') }) };
}

const keyOf = ({ hour, source, tenant }: ConservationRow): string => `${hour}\n${source}\n${tenant}`;

function isBehind(row: ConservationRow, after: string): boolean {
  const [hour, source = '', tenant = ''] = after.split('\n');
  if (row.hour !== hour) return row.hour > hour;
  const bySource = Buffer.compare(Buffer.from(row.source), Buffer.from(source));
  return bySource !== 0 ? bySource > 0 : Buffer.compare(Buffer.from(row.tenant), Buffer.from(tenant)) > 0;
}
