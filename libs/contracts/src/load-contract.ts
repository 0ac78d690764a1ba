import { parseDocument } from 'yaml';
import { circularPlace } from './circular';
import { ContractError } from './contract-error';
import { columnProblems } from './columns';
import { DocumentReader, type Fields, join, kind } from './document-reader';
import { loadExtensions } from './load-extensions';
import { loadProperties } from './load-property';
import { loadAllowedValues } from './load-quality';
import { loadRetention } from './load-retention';
import type { Contract } from './model';
import { ROOT_KEYS, SCHEMA_OBJECT_KEYS } from './odcs-keys';

const CONTRACT_BYTES_MAX = 1024 * 1024;
const NAME = /^[a-z][a-z0-9_.-]{0,99}$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/;

/** Root sections of which the form is checked here; but for the retention they are kept and shown, and not acted upon. */
const LISTS = ['tags', 'servers', 'support', 'roles', 'slaProperties', 'authoritativeDefinitions'] as const;

/**
 * Reads an Open Data Contract Standard 3.1 document.
 *
 * @throws ContractError with every problem found, each with its path and the rule it breaks. Keys that the standard does
 * not know are problems; so is whatever the validator could not enforce exactly.
 */
export function loadContract(yamlText: string): Contract {
  const reader = new DocumentReader();
  const root = parseRoot(reader, yamlText);
  return checked(reader, root && readContract(reader, root));
}

/**
 * The same of a document that was parsed before, as `Contract.document` has it.
 *
 * @throws ContractError
 */
export function loadDocument(document: unknown): Contract {
  const reader = new DocumentReader();
  return checked(reader, readContract(reader, reader.object(document, '')));
}

function checked(reader: DocumentReader, contract: Contract | null): Contract {
  if (!contract || reader.problems.length > 0) throw new ContractError(reader.problems);
  return contract;
}

function parseRoot(reader: DocumentReader, yamlText: string): Fields | null {
  if (Buffer.byteLength(yamlText) > CONTRACT_BYTES_MAX) {
    reader.note('', `must have ${CONTRACT_BYTES_MAX} bytes at most`);
    return null;
  }
  // The core schema of YAML 1.2 leaves dates and `no` as text; aliases are bounded, or a small file could unfold to gigabytes.
  let document = parseYaml(yamlText, false);
  if (document.errors.length > 0) document = parseYaml(yamlText, true);
  for (const error of document.errors) reader.note('', `is not YAML: ${error.message.split('\n')[0]}`);
  if (reader.problems.length > 0) return null;
  try {
    const root: unknown = document.toJS({ maxAliasCount: 100 });
    const circular = circularPlace(root);
    if (circular === null) return mappingOf(reader, root);
    reader.note(circular, 'contains itself, by an alias of a part that it is in');
    return null;
  } catch (error) {
    reader.note('', `is not YAML: ${(error as Error).message}`);
    return null;
  }
}

/** Null where it is something else: then nothing more can be said of it. */
function mappingOf(reader: DocumentReader, root: unknown): Fields | null {
  if (typeof root === 'object' && root !== null && !Array.isArray(root)) return root as Fields;
  reader.note('', root === null ? 'is empty: a contract is a mapping' : `must be a mapping, not ${kind(root)}`);
  return null;
}

/** Places of errors cost a tenth of the time, so they are worked out for files that have some. */
const parseYaml = (text: string, prettyErrors: boolean): ReturnType<typeof parseDocument> =>
  parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true, prettyErrors });

function readContract(reader: DocumentReader, root: Fields): Contract {
  reader.keys(root, ROOT_KEYS, '', 'a contract in ODCS 3.1; additions belong to customProperties');
  for (const key of LISTS) reader.list(root[key], key);
  if (reader.oneOf(root, 'kind', ['DataContract'], '') === null && root.kind === undefined)
    reader.note('kind', 'is required: DataContract');
  if (reader.oneOf(root, 'apiVersion', ['v3.1.0'], '') === null && root.apiVersion === undefined)
    reader.note('apiVersion', 'is required: v3.1.0');

  const name = reader.requiredString(root, 'name', '');
  if (name && !NAME.test(name))
    reader.note('name', 'must be a-z, 0-9, _, . and -, begin with a letter and have 100 characters at most');
  const version = reader.requiredString(root, 'version', '');
  if (version && !VERSION.test(version))
    reader.note('version', 'must be letters, digits, . + _ and -, 64 characters at most, as in 1.0.0');

  const { path, schema } = onlySchema(reader, root);
  const properties = loadProperties(reader, schema.properties, join(path, 'properties'));
  if (properties.length === 0 && !isFull(schema.properties))
    reader.note(join(path, 'properties'), 'must list at least one field');

  const physicalName = reader.string(schema, 'physicalName', path);
  const extensions = loadExtensions(reader, root.customProperties, {
    ...{ name, physicalName, properties, path },
    physicalNamePath: join(path, 'physicalName'),
    fields: schema,
  });
  const contract: Contract = {
    id: reader.requiredString(root, 'id', ''),
    name,
    version,
    status: reader.requiredString(root, 'status', ''),
    doc: describe(reader, root, schema),
    properties,
    document: root,
    ...extensions,
    retention: loadRetention(reader, root, {
      objects: [physicalName, typeof schema.name === 'string' ? schema.name : null],
      eventTimePath: extensions.eventTimePath,
    }),
  };
  // Columns are derived from properties: they only make sense once those do.
  if (reader.problems.length === 0)
    for (const problem of columnProblems(contract, path)) reader.note(problem.path, problem.rule);
  return contract;
}

/** Too many fields were said to be too many. */
const isFull = (fields: unknown): boolean => Array.isArray(fields) && fields.length > 0;

/** An event has one payload, so its contract has one schema object. */
function onlySchema(reader: DocumentReader, root: Fields): { path: string; schema: Fields } {
  const list = reader.list(root.schema, 'schema');
  if (list.length !== 1) reader.note('schema', `must have exactly one object, the event's payload, not ${list.length}`);
  const path = 'schema[0]';
  const schema = list.length > 0 ? reader.object(list[0], path) : {};
  reader.keys(schema, SCHEMA_OBJECT_KEYS, path, 'a schema object in ODCS 3.1');
  if (list.length > 0) reader.requiredString(schema, 'name', path);
  reader.oneOf(schema, 'logicalType', ['object'], path);
  loadAllowedValues(reader, schema.quality, join(path, 'quality'), 'object');
  return { path, schema };
}

function describe(reader: DocumentReader, root: Fields, schema: Fields): string {
  const description = root.description === undefined ? {} : reader.object(root.description, 'description');
  const parts = ['purpose', 'usage', 'limitations'].map((key) => reader.string(description, key, 'description'));
  const text = parts.filter((part): part is string => part !== null).map((part) => part.trim());
  return text.join('\n\n') || (reader.string(schema, 'description', 'schema[0]') ?? '').trim();
}
