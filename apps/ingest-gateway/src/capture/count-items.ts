import type { CountRow, Headers } from '@millrace/messaging';

/** Items by tenant, source and accept hour: what conservation counts as received. Sums to the number of items. */
export function countItems(items: readonly { readonly headers: Headers }[]): CountRow[] {
  const rows = new Map<string, { tenant: string; source: string; hour: string; count: number }>();
  let last: Headers | null = null;
  let row: { count: number } = { count: 0 };
  for (const { headers } of items) {
    // Items of one request share their headers object, so most of a batch is counted by a pointer comparison.
    if (headers !== last) {
      last = headers;
      const { tenant, source } = headers;
      const hour = `${headers.at.slice(0, 13)}:00:00.000Z`;
      const key = `${hour} ${source} ${tenant}`;
      const known = rows.get(key);
      if (known) row = known;
      else {
        const first = { tenant, source, hour, count: 0 };
        rows.set(key, first);
        row = first;
      }
    }
    row.count++;
  }
  return [...rows.values()];
}
