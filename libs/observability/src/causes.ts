import { parseTraceparent } from './traceparent';
import type { SpanOptions } from './tracing';

/** Causes that a span is linked to, at most. */
export const LINKS_MAX = 32;

/**
 * Places work that several messages or requests caused: within their trace where all belong to one, as a child of the
 * first; else in a trace of its own. It is linked to the first `LINKS_MAX` causes that are not its parent.
 */
export function causedBy(traceparents: Iterable<string | null | undefined>): Pick<SpanOptions, 'parent' | 'links'> {
  const causes = new Set<string>();
  const traces = new Set<string>();
  let last: string | null | undefined;
  for (const traceparent of traceparents) {
    // Neighbours often have one cause: what is known already costs a comparison.
    if (!traceparent || traceparent === last) continue;
    last = traceparent;
    const parsed = causes.has(traceparent) ? undefined : parseTraceparent(traceparent);
    if (!parsed) continue;
    causes.add(traceparent);
    traces.add(parsed.traceId);
    if (causes.size > LINKS_MAX) break;
  }
  const [first, ...others] = causes;
  return traces.size === 1 ? { parent: first, links: others } : { links: [...causes].slice(0, LINKS_MAX) };
}
