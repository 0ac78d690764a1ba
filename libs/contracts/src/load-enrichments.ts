import { type DocumentReader, join } from './document-reader';
import type { EnrichedColumn, Enrichment, Property } from './model';
import { findProperty, parseJsonPath } from './property-path';

const ENRICHMENTS_MAX = 16;
const COLUMNS_MAX = 50;
const DIMENSION = /^[a-z][a-z0-9_]{0,62}$/;
const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const TYPES: readonly EnrichedColumn['type'][] = ['string', 'long', 'double', 'boolean'];
const SCALARS = new Set(['string', 'integer', 'date']);

/**
 * Reads the custom property `enrich`, a list of
 * `{dimension, key: $.payload.facility_id, columns: {facility_name: name, latitude: {from: lat, type: double}}, missing?}`.
 */
export function loadEnrichments(
  reader: DocumentReader,
  entry: { readonly value: unknown; readonly path: string } | undefined,
  properties: readonly Property[],
): Enrichment[] {
  if (!entry) return [];
  const list = reader.list(entry.value, entry.path);
  if (list.length > ENRICHMENTS_MAX) reader.note(entry.path, `must list ${ENRICHMENTS_MAX} dimensions at most`);
  return list.map((item, index) => {
    const at = `${entry.path}[${index}]`;
    const fields = reader.object(item, at);
    reader.keys(fields, new Set(['dimension', 'key', 'columns', 'missing']), at, 'an enrichment');
    const dimension = reader.requiredString(fields, 'dimension', at);
    if (dimension && !DIMENSION.test(dimension))
      reader.note(join(at, 'dimension'), 'must be a-z, 0-9 and _, begin with a letter and have 63 characters at most');
    const key = reader.requiredString(fields, 'key', at);
    const segments = parseJsonPath(key);
    const property = segments?.[0] === 'payload' ? findProperty(properties, segments.slice(1)) : null;
    if (key && (!property || !SCALARS.has(property.logicalType)))
      reader.note(join(at, 'key'), 'must be the path of a text, date or whole number among the properties');
    return {
      dimension,
      keyPath: segments?.slice(1) ?? [],
      columns: loadColumns(reader, fields.columns, join(at, 'columns')),
      missing: reader.string(fields, 'missing', at) ?? `${dimension}_missing`,
    };
  });
}

function loadColumns(reader: DocumentReader, value: unknown, path: string): EnrichedColumn[] {
  const columns = Object.entries(value === undefined ? {} : reader.object(value, path));
  if (columns.length > COLUMNS_MAX) reader.note(path, `must name ${COLUMNS_MAX} columns at most`);
  return columns.map(([name, given]) => {
    const at = join(path, name);
    const fields = typeof given === 'string' ? { from: given } : reader.object(given, at);
    reader.keys(fields, new Set(['from', 'type']), at, 'an enriched column');
    const from = reader.requiredString(fields, 'from', at);
    if (from && !ATTRIBUTE.test(from)) reader.note(join(at, 'from'), 'must name an attribute of the dimension');
    return { name, from, type: reader.oneOf(fields, 'type', TYPES, at) ?? 'string' };
  });
}
