import type { ContractProblem } from './contract-error';
import type { Contract, Enrichment, Property } from './model';
import { isPersonal } from './privacy';

/** A column of a typed table, in terms of no particular warehouse. */
export interface Column {
  readonly name: string;
  /** Delta's name: `string long integer double boolean date timestamp decimal(p,s)`. */
  readonly type: string;
  /** Where the value is: segments from the payload. */
  readonly path: readonly string[];
  /** False where the field and every object around it are required. */
  readonly nullable: boolean;
  readonly doc: string;
}

/** A column with the properties that it comes from. */
export interface ContractColumn extends Column {
  readonly property: Property;
  /** The objects around it, outermost first; one for each segment of the path but the last. */
  readonly within: readonly Property[];
}

/** A field without a column. */
export interface ExcludedField {
  readonly path: readonly string[];
  readonly classification: string;
}

/** Names that every typed table has already (key, lineage and partition columns). */
export const RESERVED_COLUMNS: ReadonlySet<string> = new Set([
  'event_id',
  'event_time',
  'producer_time',
  'ingest_time',
  'tenant_id',
  'source',
  'event_date',
]);
const COLUMN_NAME = /^[A-Za-z][A-Za-z0-9_]{0,127}$/;
const COLUMNS_MAX = 1000;
const RESTRICTED = 'restricted';

interface Flattened {
  readonly columns: readonly ContractColumn[];
  readonly excluded: readonly ExcludedField[];
  readonly problems: readonly ContractProblem[];
}

/**
 * The columns of a contract's typed table: scalars as they are, objects flattened with `_`, arrays and objects without
 * fields of their own as JSON text, other classified fields as the text of their tokens. A field classified `restricted`, or one that holds such a field and cannot be taken
 * apart, has no column: in clear it must not reach a typed table.
 */
export function contractColumns(contract: Pick<Contract, 'properties'>): {
  columns: readonly ContractColumn[];
  excluded: readonly ExcludedField[];
} {
  const { columns, excluded } = flatten(contract.properties, '');
  return { columns, excluded };
}

/** The same while the contract is being read, problems or not. */
export const allColumns = (properties: readonly Property[]): readonly ContractColumn[] =>
  flatten(properties, '').columns;

/** What keeps a contract's fields from being columns: reserved, impossible or ambiguous names, or none left. */
export function columnProblems(
  contract: Pick<Contract, 'properties'> & Partial<Pick<Contract, 'enrichments'>>,
  schemaPath: string,
): readonly ContractProblem[] {
  const { columns, problems: own } = flatten(contract.properties, schemaPath);
  const taken = new Map(columns.map(({ name, path }) => [name.toLowerCase(), path.join('.')]));
  const problems = [...own];
  for (const { name, from } of enrichedColumns(contract.enrichments ?? [])) {
    const problem = nameProblem(name, taken);
    if (problem) problems.push({ path: 'customProperties.enrich', rule: problem });
    taken.set(name.toLowerCase(), from);
  }
  if (columns.length === 0)
    return [
      ...problems,
      { path: `${schemaPath}.properties`, rule: 'must have at least one field that is not restricted' },
    ];
  if (columns.length > COLUMNS_MAX)
    return [...problems, { path: schemaPath, rule: `makes ${columns.length} columns; ${COLUMNS_MAX} at most` }];
  return problems;
}

/** The columns that enrichments add to a typed table, after the contract's own. */
export function enrichedColumns(
  enrichments: readonly Enrichment[],
): { readonly name: string; readonly type: string; readonly doc: string; readonly from: string }[] {
  return enrichments.flatMap(({ dimension, columns, missing }) => [
    ...columns.map(({ name, type, from }) => ({
      ...{ name, type, from: `${dimension}.${from}` },
      doc: `${from} of the dimension ${dimension}, as of event time.`,
    })),
    {
      name: missing,
      type: 'boolean',
      from: dimension,
      doc: `Whether the dimension ${dimension} had no such key then.`,
    },
  ]);
}

function flatten(properties: readonly Property[], schemaPath: string): Flattened {
  const columns: ContractColumn[] = [];
  const excluded: ExcludedField[] = [];
  const problems: ContractProblem[] = [];
  const taken = new Map<string, string>();

  const visit = (list: readonly Property[], at: string, within: readonly Property[], prefix: string): void => {
    list.forEach((listed, index) => {
      const here = `${at}.properties[${index}]`;
      const segments = [...within, listed].map(({ name }) => name);
      if (hidden(listed)) {
        excluded.push({ path: segments, classification: RESTRICTED });
        return;
      }
      const property = isPersonal(listed.classification) ? asToken(listed) : listed;
      if (property.logicalType === 'object' && property.properties.length > 0) {
        visit(property.properties, here, [...within, property], `${prefix}${property.physicalName ?? property.name}_`);
        return;
      }
      const name = property.physicalName ?? prefix + property.name;
      const named = property.physicalName === null ? 'name' : 'physicalName';
      const problem = nameProblem(name, taken);
      if (problem) problems.push({ path: `${here}.${named}`, rule: `${problem}; give it a physicalName` });
      taken.set(name.toLowerCase(), segments.join('.'));
      columns.push({
        name,
        type: deltaType(property),
        path: segments,
        nullable: ![...within, property].every(({ required }) => required),
        doc: property.doc,
        property,
        within,
      });
    });
  };
  visit(properties, schemaPath, [], '');
  return { columns, excluded, problems };
}

/** Holds what does not fit its column, of contracts that ask for it: a JSON object of values by their JSON path. */
export const RECOVERED_COLUMN = '_recovered';

/** A classified value, as it is once a token stands in its place: a text, whatever it was. */
const asToken = (property: Property): Property => ({
  ...property,
  ...{ logicalType: 'string', decimal: null, limits: {}, values: null, properties: [], items: null },
});

/** Restricted as a whole, or an array whose elements are in part: its JSON text would show them. */
function hidden(property: Property): boolean {
  if (property.classification?.trim().toLowerCase() === RESTRICTED) return true;
  return property.items !== null && (hidden(property.items) || property.items.properties.some(holdsRestricted));
}

/** Whether a property, or one within it, is classified `restricted`. */
export function holdsRestricted(property: Property): boolean {
  return hidden(property) || property.properties.some(holdsRestricted);
}

function nameProblem(name: string, taken: ReadonlyMap<string, string>): string | null {
  if (!COLUMN_NAME.test(name))
    return `the column name "${name}" must be letters, digits and _, beginning with a letter, 128 characters at most`;
  if (RESERVED_COLUMNS.has(name.toLowerCase())) return `the column name "${name}" is taken by the envelope`;
  const other = taken.get(name.toLowerCase());
  return other === undefined ? null : `the column name "${name}" is taken by ${other}`;
}

function deltaType(property: Property): string {
  switch (property.logicalType) {
    case 'integer':
      // Unsigned 32 bits need a long.
      return property.limits.format && property.limits.format !== 'i64' && property.limits.format !== 'u32'
        ? 'integer'
        : 'long';
    case 'number':
      return property.decimal ? `decimal(${property.decimal.precision},${property.decimal.scale})` : 'double';
    case 'boolean':
      return 'boolean';
    case 'date':
      return 'date';
    case 'timestamp':
      return 'timestamp';
    default:
      return 'string';
  }
}
