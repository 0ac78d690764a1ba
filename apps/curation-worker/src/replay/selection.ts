import type { Selection } from './port';

/**
 * Conditions on open rows of a tenant, for a WHERE.
 *
 * @param firstParameter number of the first `$n`: the tenant's
 */
export function conditionsOf(
  tenant: string,
  { group, ids, filter }: Selection,
  firstParameter: number,
): { readonly sql: string; readonly values: unknown[] } {
  const values: unknown[] = [tenant];
  const conditions = [`tenant = $${firstParameter}`, `status = 'open'`];
  const add = (condition: string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition.replace('?', `$${firstParameter + values.length - 1}`));
  };
  add('group_id = ?', group);
  add('id = ANY(?::bigint[])', ids);
  add('reason = ?', filter?.reason);
  add('event_type = ?', filter?.eventType);
  add('source = ?', filter?.source);
  add('accepted_at >= ?', filter?.from);
  add('accepted_at < ?', filter?.to);
  return { sql: conditions.join(' AND '), values };
}
