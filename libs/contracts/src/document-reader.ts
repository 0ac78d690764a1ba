import type { ContractProblem } from './contract-error';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads values out of a parsed document and notes what is wrong with them, under their path, instead of throwing: an
 * author sees all problems of a file at once. A reader that notes a problem returns a harmless value; nobody looks at
 * it, since a document with problems is never used.
 */
export class DocumentReader {
  readonly problems: ContractProblem[] = [];

  note(path: string, rule: string): void {
    this.problems.push({ path, rule });
  }

  object(value: unknown, path: string): Fields {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
    this.note(path, `must be a mapping, not ${kind(value)}`);
    return {};
  }

  /** An absent list is empty. */
  list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.note(path, `must be a list, not ${kind(value)}`);
    return [];
  }

  /** Notes each key that is not in `known`. */
  keys(fields: Fields, known: ReadonlySet<string>, path: string, where: string): void {
    for (const key of Object.keys(fields)) {
      if (!known.has(key)) this.note(path ? `${path}.${key}` : key, `is not a key of ${where}`);
    }
  }

  string(fields: Fields, key: string, path: string): string | null {
    const value = fields[key];
    if (value === undefined) return null;
    if (typeof value === 'string') return value;
    this.note(join(path, key), `must be a string, not ${kind(value)}${hint(value)}`);
    return null;
  }

  requiredString(fields: Fields, key: string, path: string): string {
    const value = this.string(fields, key, path);
    if (fields[key] === undefined) this.note(join(path, key), 'is required');
    else if (value === '') this.note(join(path, key), 'must not be empty');
    return value ?? '';
  }

  boolean(fields: Fields, key: string, path: string): boolean {
    const value = fields[key];
    if (value === undefined || typeof value === 'boolean') return value ?? false;
    this.note(join(path, key), `must be true or false, not ${kind(value)}`);
    return false;
  }

  /** A string out of `allowed`, or null where absent. */
  oneOf<T extends string>(fields: Fields, key: string, allowed: readonly T[], path: string): T | null {
    const value = this.string(fields, key, path);
    if (value === null) return null;
    if ((allowed as readonly string[]).includes(value)) return value as T;
    this.note(join(path, key), `must be one of ${allowed.join(', ')}`);
    return null;
  }
}

export const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);

export function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
}

const hint = (value: unknown): string => (typeof value === 'number' ? ': put it in quotes' : '');
