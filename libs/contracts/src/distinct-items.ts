import type { Ajv } from 'ajv';

/**
 * Teaches ajv another `uniqueItems`. Its own compares each element with each other one, which a list of some ten thousand
 * objects turns into minutes, and throws on objects that have a field called `valueOf`.
 */
export function addDistinctItems(ajv: Ajv): void {
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    compile: (unique: boolean) => (unique ? areDistinct : () => true),
    errors: false,
  });
}

/** Whether no two elements are equal as JSON: 1 and 1.0 are, in whatever order an object has its fields. */
export function areDistinct(list: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const element of list) {
    const key = keyOf(element);
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}

/** A text of its own for each value. Numbers beyond a double's range are Infinity, and texts may hold half a surrogate. */
function keyOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(keyOf).join()}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${keyOf(fields[name])}`).join()}}`;
}
