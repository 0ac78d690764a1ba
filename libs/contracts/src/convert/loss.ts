/** Something that one format says and another has no word for. */
export interface Loss {
  /** JSON path in the event, `$.status`; `$` for the whole. */
  readonly path: string;
  /** What is lost: `minimum 2013-01-01`. */
  readonly what: string;
  readonly why: string;
}

export type Raw = Readonly<Record<string, unknown>>;

/**
 * Where a format's own extension point keeps what the format has no word for: the key of an ODCS element as it was. Tools
 * that do not know it pass it by; Millrace reads it back, so that a contract comes back whole.
 */
export const ODCS_KEY = 'x-odcs';

/** The elements of a contract's fields as they stand in its document, in the order of the model's properties. */
export function elementsOf(document: Raw): readonly Raw[] {
  const [schema] = document.schema as readonly Raw[];
  return schema.properties as readonly Raw[];
}

export const childElements = (element: Raw): readonly Raw[] => (element.properties ?? []) as readonly Raw[];

export function without(element: Raw, keys: readonly string[]): Raw {
  return Object.fromEntries(Object.entries(element).filter(([key]) => !keys.includes(key)));
}

/** A contract's document without its fields, which the converted schema has itself. */
export function documentWithoutFields(document: Raw): Raw {
  const [schema, ...rest] = document.schema as readonly Raw[];
  return { ...document, schema: [without(schema, ['properties']), ...rest] };
}

export interface ImportOptions {
  /** The contract's name where the schema does not say: it becomes the table's name too. */
  readonly name: string;
  readonly version: string;
  /** Where the schema does not say. */
  readonly eventTypes: readonly string[];
}

/** The document of a contract whose fields come from another format; what `known` has of a contract is kept. */
export function contractDocument(properties: readonly Raw[], options: ImportOptions, doc: string, known: unknown): Raw {
  if (isRaw(known) && Array.isArray(known.schema) && isRaw(known.schema[0])) {
    const [schema, ...rest] = known.schema as readonly Raw[];
    return { ...known, schema: [{ ...schema, properties }, ...rest] };
  }
  return {
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id: options.name,
    name: options.name,
    version: options.version,
    status: 'draft',
    ...(doc === '' ? {} : { description: { purpose: doc } }),
    schema: [{ name: options.name, logicalType: 'object', properties }],
    customProperties: [{ property: 'eventTypes', value: options.eventTypes }],
  };
}

export const isRaw = (value: unknown): value is Raw =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The quality rule by which a contract lists the values of a field. */
export const allowedValues = (values: readonly unknown[]): Raw => ({
  type: 'library',
  metric: 'invalidValues',
  mustBe: 0,
  arguments: { validValues: values },
});
