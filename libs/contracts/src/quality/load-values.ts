import type { ContractColumn } from '../columns';
import type { DocumentReader } from '../document-reader';
import { isDate, isDateTime } from '../formats';

/*
 * Rules become queries: values, names and patterns are refused here where a query could not say them.
 */

const VALUES_MAX = 1_000;

/** Values of a rule, one at least but for `missingValues`, which may be empty: null is missing anyway. */
export function scalars(
  reader: DocumentReader,
  value: unknown,
  path: string,
  min: 0 | 1,
): (string | number | boolean | null)[] {
  const values = reader.list(value, path);
  if (values.length > VALUES_MAX) reader.note(path, `must list ${VALUES_MAX} values at most`);
  values.forEach((item, i) => {
    if (item !== null && !isSayable(item))
      reader.note(`${path}[${i}]`, 'must be a text, a finite number, a boolean or null');
  });
  if (values.filter((item) => item !== null).length < min) reader.note(path, 'must list a value other than null');
  return values as (string | number | boolean | null)[];
}

/** What is wrong with a constant that fields of a kind are compared with; null where nothing is. */
export function constantProblem(kind: string, value: unknown): string | null {
  const type = kind === 'number' || kind === 'boolean' ? kind : 'string';
  if (typeof value !== type || !isSayable(value)) return `must be a ${kind}`;
  if (kind === 'timestamp' && !isDateTime(String(value))) return 'must be an RFC 3339 timestamp';
  return kind === 'date' && !isDate(String(value)) ? 'must be a date, YYYY-MM-DD' : null;
}

/** The names of the columns that a list of properties is about: each a property's own name, its path, or its column's name. */
export function columnsNamed(
  reader: DocumentReader,
  value: unknown,
  path: string,
  columns: readonly ContractColumn[],
): string[] {
  return reader.list(value, path).flatMap((item, i) => {
    const text = String(item).replace(/^\$\.payload\./, '');
    const column = columns.find((candidate) => candidate.path.join('.') === text || candidate.name === text);
    if (!column) reader.note(`${path}[${i}]`, 'must be a property that has a column');
    return column ? [column.name] : [];
  });
}

function isSayable(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  // A text with NUL, or with half of a character, is none to a database.
  return typeof value === 'boolean' || (typeof value === 'string' && !/[\0\p{Surrogate}]/u.test(value));
}
