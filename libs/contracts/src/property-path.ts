import type { Property } from './model';

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The JSON path (RFC 9535 notation) of segments below `$`: `$.payload.items[2].sku`, `$.payload['odd name']`. */
export function formatJsonPath(segments: readonly (string | number)[]): string {
  let path = '$';
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`;
    else path += PLAIN.test(segment) ? `.${segment}` : `['${segment.replace(/[\\']/g, '\\$&')}']`;
  }
  return path;
}

/** Segments of a path of names, `$.a.b['odd name']`; null where it is none. Inverse of formatJsonPath without indexes. */
export function parseJsonPath(path: string): string[] | null {
  if (!path.startsWith('$')) return null;
  const segments: string[] = [];
  const step = /\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^\\']|\\[\\'])*)'\]/y;
  step.lastIndex = 1;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (!match) return null;
    segments.push(match[1] ?? match[2].replace(/\\([\\'])/g, '$1'));
  }
  return segments.length > 0 ? segments : null;
}

/** The property at a path of object fields, and whether it and all objects around it are required. */
export function findProperty(
  properties: readonly Property[],
  path: readonly string[],
): (Property & { readonly requiredThroughout: boolean }) | null {
  let within = properties;
  let requiredThroughout = true;
  for (const [depth, name] of path.entries()) {
    const property = within.find((candidate) => candidate.name === name);
    if (!property) return null;
    requiredThroughout &&= property.required;
    if (depth === path.length - 1) return { ...property, requiredThroughout };
    within = property.properties;
  }
  return null;
}
