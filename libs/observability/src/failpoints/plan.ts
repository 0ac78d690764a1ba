import { type FailpointService, PLACES } from './places';

export type Action = { readonly kind: 'crash' | 'error' } | { readonly kind: 'delay'; readonly ms: number };

/** What is to be done at a place. */
export interface Planned {
  readonly action: Action;
  /** At which pass; null for each. */
  readonly at: number | null;
}

const ENTRY = /^([a-z-]+)\/([a-z-]+)(:[\w.]+)?=(?:(crash|error)|delay:(\d{1,6}))(?:@(\d{1,9}|\*))?$/;

/**
 * Reads `service/place[:detail]=crash|error|delay:<ms>[@n|@*],…`: at the n-th pass of that place (default the first).
 * Entries of other services are left to them.
 *
 * @throws Error for what is no such entry, or names a place that there is not
 */
export function parsePlan(service: FailpointService, text: string): Map<string, Planned> {
  const plan = new Map<string, Planned>();
  for (const entry of text.split(/[,\n]/).map((part) => part.trim())) {
    if (entry === '') continue;
    const match = ENTRY.exec(entry);
    if (!match) throw new Error(`not a failpoint: ${entry}`);
    const [, owner, place, detail = '', kind, ms, at = '1'] = match;
    if (!(PLACES as Record<string, readonly string[]>)[owner]?.includes(place))
      throw new Error(`no such failpoint: ${owner}/${place}`);
    if (owner !== service) continue;
    const action: Action = ms === undefined ? { kind: kind as 'crash' | 'error' } : { kind: 'delay', ms: Number(ms) };
    plan.set(place + detail, { action, at: at === '*' ? null : Number(at) });
  }
  return plan;
}
