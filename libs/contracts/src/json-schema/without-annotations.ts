import { KEYWORDS } from './keywords';

/** Keywords that say something to readers, and nothing about which values go through. */
const ANNOTATIONS: ReadonlySet<string> = new Set(['title', 'description', 'examples', 'x-odcs']);

type Keywords = Readonly<Record<string, unknown>>;

/** The same rules without what only describes them, so that equal rules are equal however they are described. */
export function withoutAnnotations(node: unknown): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return node;
  const entries = Object.entries(node as Keywords).filter(([keyword]) => !ANNOTATIONS.has(keyword));
  return Object.fromEntries(entries.map(([keyword, value]) => [keyword, ofKeyword(keyword, value)]));
}

function ofKeyword(keyword: string, value: unknown): unknown {
  const kind = keyword === 'items' ? 'schema' : KEYWORDS[keyword];
  if (kind === 'schema') return withoutAnnotations(value);
  if (kind === 'schemas') return Array.isArray(value) ? value.map(withoutAnnotations) : value;
  return kind === 'map' ? ofEach(value as Keywords) : value;
}

/** Of a mapping whose keys are names, and whose values are schemas. */
export const ofEach = (schemas: Keywords): Keywords =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withoutAnnotations(schema)]));

/** Of the value of one keyword. */
export const saidBy = (keyword: string, value: unknown): unknown => ofKeyword(keyword, value);
