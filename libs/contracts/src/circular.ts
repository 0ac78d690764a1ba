import { join } from './document-reader';

/**
 * Where a document contains a part that it is itself in, which YAML's aliases can say and JSON cannot; null where it does
 * not. Each part is looked at once, however often it is referred to.
 */
export function circularPlace(document: unknown): string | null {
  const open = new Set<object>();
  const done = new Set<object>();
  const visit = (value: unknown, path: string): string | null => {
    if (typeof value !== 'object' || value === null || done.has(value)) return null;
    if (open.has(value)) return path;
    open.add(value);
    const places = Array.isArray(value)
      ? value.map((below: unknown, i) => [`${path}[${i}]`, below] as const)
      : Object.entries(value).map(([name, below]) => [join(path, name), below] as const);
    for (const [at, below] of places) {
      const found = visit(below, at);
      if (found !== null) return found;
    }
    open.delete(value);
    done.add(value);
    return null;
  };
  return visit(document, '');
}
