import type { ContractColumn } from '../columns';
import { type DocumentReader, type Fields, join } from '../document-reader';
import type { Property } from '../model';
import { parseJsonPath } from '../property-path';
import type { BatchRule, Severity } from './model';

const ID = /^[A-Za-z][A-Za-z0-9_.-]{0,99}$/;

/** The column at a rule's path; null, and noted, where there is none. */
export function columnAt(
  reader: DocumentReader,
  fields: Fields,
  key: string,
  at: string,
  columns: readonly ContractColumn[],
): ContractColumn | null {
  const segments = parseJsonPath(reader.requiredString(fields, key, at));
  const wanted = segments?.[0] === 'payload' ? segments.slice(1).join('\0') : null;
  const column = columns.find(({ path }) => path.join('\0') === wanted) ?? null;
  if (!column) reader.note(join(at, key), 'must be the path of a property that has a column, as in $.payload.id');
  return column;
}

/** What values are compared as. */
export const kindOf = ({ logicalType }: Property): string => (logicalType === 'integer' ? 'number' : logicalType);

/** What rules of every sort say of themselves. */
export function facts(reader: DocumentReader, fields: Fields, id: string, at: string) {
  if (id && !ID.test(id))
    reader.note(join(at, 'id'), 'must be letters, digits, _, . and -, beginning with a letter, 100 at most');
  return {
    id,
    dimension: reader.string(fields, 'dimension', at),
    doc: (reader.string(fields, 'description', at) ?? '').trim(),
  };
}

export const severityOf = (reader: DocumentReader, fields: Fields, at: string): Severity =>
  reader.oneOf(fields, 'severity', ['error', 'warning'] as const, at) ?? 'error';

export const unitOf = (reader: DocumentReader, fields: Fields, at: string): BatchRule['unit'] =>
  reader.oneOf(fields, 'unit', ['rows', 'percent'] as const, at) ?? 'rows';
