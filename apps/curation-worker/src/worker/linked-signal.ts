/**
 * A signal that aborts with the first of others. Unlike AbortSignal.any it is disposed of: in Node 20 that leaves an
 * entry behind in long-lived signals with every call.
 */
export function linkSignals(...sources: readonly AbortSignal[]): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const links = sources.map((source) => ({ source, abort: () => controller.abort(source.reason) }));
  for (const { source, abort } of links) {
    if (source.aborted) abort();
    else source.addEventListener('abort', abort, { once: true });
  }
  const dispose = (): void => {
    for (const { source, abort } of links) source.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, dispose };
}
