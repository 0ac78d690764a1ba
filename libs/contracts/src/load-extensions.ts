import { EVENT_TYPE_CHARS_MAX } from '@millrace/envelope';
import { type DocumentReader, type Fields, join } from './document-reader';
import { allColumns } from './columns';
import { loadEnrichments } from './load-enrichments';
import type {
  Contract,
  Dedupe,
  DedupeStrategy,
  DriftPolicy,
  InferredState,
  Property,
  UnknownFieldPolicy,
} from './model';
import { CUSTOM_PROPERTY_KEYS } from './odcs-keys';
import { checkEventTime, loadPrivacy } from './load-privacy';
import { findProperty, parseJsonPath } from './property-path';
import { loadRules } from './quality/load-rules';

/**
 * What Millrace adds to the standard, under `customProperties`:
 *
 * | property | value |
 * |---|---|
 * | eventTypes | list of event types, 1-200 characters each; required |
 * | dedupe | `{strategy: event_id or content or business_key, scope?, windowDays? (30), keys? (paths)}` |
 * | subject | path of a text field, e.g. `$.payload.shipment_id` |
 * | eventTime | path of a timestamp field, for events whose envelope has no time |
 * | facility | path of a text field, e.g. `$.payload.facility_id`: what windows count by |
 * | table | `clean.<name>`; default `clean.` and the schema's physicalName |
 * | lateness | how late is late: `90m`, `72h`, `3d` |
 * | drift | `{policy?: ignore or warn or evolve (default) or quarantine or reject, typeClash?: quarantine (default) or recover}` |
 * | inferred | `unreviewed` or `adopted`: written by Millrace |
 * | enrich | list of dimensions to look up: see load-enrichments.ts |
 * | rules | comparisons of fields and foreign keys: see quality/load-rules.ts |
 * | privacy | `{subject?, kind?, lakeTokens?, reversible?, envelope?}`, see privacy.ts |
 *
 * Custom properties of others are none of our business and pass; a misspelt one of ours is refused.
 */
const OWN = [
  'eventTypes',
  'dedupe',
  'subject',
  'eventTime',
  'facility',
  'table',
  'lateness',
  'drift',
  'inferred',
  'enrich',
  'rules',
  'privacy',
] as const;

const STRATEGIES: readonly DedupeStrategy[] = ['event_id', 'content', 'business_key'];
const WINDOW_DAYS_DEFAULT = 30;
const WINDOW_DAYS_MAX = 3650;
const EVENT_TYPES_MAX = 100;
const KEY_PATHS_MAX = 16;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };
/** Envelope members that may be part of a business key. */
const ENVELOPE_KEYS = new Set(['event_type', 'event_time', 'source', 'subject']);
const TABLE = /^clean\.([a-z][a-z0-9_]{0,99})$/;
const TABLES_RESERVED = new Set(['clean.events']);

interface SchemaFacts {
  readonly name: string;
  readonly physicalName: string | null;
  readonly physicalNamePath: string;
  readonly properties: readonly Property[];
  /** The raw schema object, and where it is. */
  readonly fields: Fields;
  readonly path: string;
}

type Extensions = Pick<
  Contract,
  | 'eventTypes'
  | 'table'
  | 'dedupe'
  | 'subjectPath'
  | 'eventTimePath'
  | 'facilityPath'
  | 'latenessSeconds'
  | 'drift'
  | 'inferred'
  | 'enrichments'
  | 'quality'
  | 'privacy'
>;
type Given = ReadonlyMap<string, { value: unknown; path: string }>;

export function loadExtensions(reader: DocumentReader, customProperties: unknown, schema: SchemaFacts): Extensions {
  const given = collect(reader, customProperties);
  const { properties } = schema;
  const subjectPath = loadPath(reader, given, 'subject', properties, (p) => p.logicalType === 'string', 'a string');
  const eventTimePath = loadPath(
    reader,
    given,
    'eventTime',
    properties,
    (p) => p.logicalType === 'timestamp',
    'a timestamp',
  );
  checkEventTime(reader, properties, eventTimePath, given.get('eventTime')?.path);
  return {
    eventTypes: loadEventTypes(reader, given),
    table: loadTable(reader, given, schema),
    dedupe: loadDedupe(reader, given, schema),
    subjectPath,
    eventTimePath,
    facilityPath: loadPath(reader, given, 'facility', properties, (p) => p.logicalType === 'string', 'a string'),
    latenessSeconds: loadLateness(reader, given),
    drift: loadDrift(reader, given),
    inferred: loadInferred(reader, given),
    enrichments: loadEnrichments(reader, given.get('enrich'), schema.properties),
    quality: loadRules(reader, {
      schema: schema.fields,
      schemaPath: schema.path,
      rules: given.get('rules'),
      columns: allColumns(schema.properties),
    }),
    privacy: loadPrivacy(reader, given.get('privacy'), properties, subjectPath),
  };
}

function collect(reader: DocumentReader, customProperties: unknown): Given {
  const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');
  const given = new Map<string, { value: unknown; path: string }>();
  reader.list(customProperties, 'customProperties').forEach((item, index) => {
    const at = `customProperties[${index}]`;
    const fields = reader.object(item, at);
    reader.keys(fields, CUSTOM_PROPERTY_KEYS, at, 'a custom property in ODCS 3.1');
    const property = reader.requiredString(fields, 'property', at);
    if (!('value' in fields)) reader.note(join(at, 'value'), 'is required');
    const meant = OWN.find((own) => plain(own) === plain(property));
    if (meant === undefined) return;
    if (meant !== property) reader.note(join(at, 'property'), `must be spelt "${meant}"`);
    else if (given.has(property)) reader.note(join(at, 'property'), `"${property}" is given twice`);
    given.set(meant, { value: fields.value, path: join(at, 'value') });
  });
  return given;
}

function loadEventTypes(reader: DocumentReader, given: Given): string[] {
  const entry = given.get('eventTypes');
  if (!entry) {
    reader.note('customProperties', 'must have "eventTypes": the event types that this contract is about');
    return [];
  }
  const types = reader.list(entry.value, entry.path);
  if (types.length === 0 || types.length > EVENT_TYPES_MAX)
    reader.note(entry.path, `must list 1 to ${EVENT_TYPES_MAX} event types`);
  types.forEach((type, index) => {
    if (typeof type !== 'string' || type.length === 0 || type.length > EVENT_TYPE_CHARS_MAX) {
      reader.note(`${entry.path}[${index}]`, `must be a string of 1 to ${EVENT_TYPE_CHARS_MAX} characters`);
    }
  });
  if (new Set(types).size !== types.length) reader.note(entry.path, 'lists an event type twice');
  return types as string[];
}

function loadTable(reader: DocumentReader, given: Given, schema: SchemaFacts): string {
  const entry = given.get('table');
  const physical = schema.physicalName === null ? null : `clean.${schema.physicalName}`;
  const derived = physical ?? `clean.${schema.name.replace(/[.-]/g, '_')}`;
  const table = typeof entry?.value === 'string' ? entry.value : derived;
  const path = entry ? entry.path : schema.physicalNamePath;
  if (entry && typeof entry.value !== 'string') reader.note(path, 'must be a string');
  if (entry && physical !== null && physical !== table)
    reader.note(path, `contradicts the schema's physicalName, ${physical}`);
  if (!TABLE.test(table))
    reader.note(path, 'must make a table name of a-z, 0-9 and _, beginning with a letter, as in clean.shipment_events');
  else if (TABLES_RESERVED.has(table)) reader.note(path, `${table} is Millrace's own table`);
  return table;
}

function loadDedupe(reader: DocumentReader, given: Given, schema: SchemaFacts): Dedupe {
  const entry = given.get('dedupe');
  const path = entry?.path ?? '';
  const fields: Fields = entry ? reader.object(entry.value, path) : {};
  reader.keys(fields, new Set(['strategy', 'scope', 'windowDays', 'keys']), path, 'dedupe');
  const strategy = reader.oneOf(fields, 'strategy', STRATEGIES, path) ?? 'event_id';
  const scope = reader.string(fields, 'scope', path) ?? (strategy === 'event_id' ? 'events' : schema.name);
  if (scope.length === 0 || scope.length > 100) reader.note(join(path, 'scope'), 'must have 1 to 100 characters');
  const windowDays = fields.windowDays ?? WINDOW_DAYS_DEFAULT;
  if (!Number.isInteger(windowDays) || (windowDays as number) < 1 || (windowDays as number) > WINDOW_DAYS_MAX) {
    reader.note(join(path, 'windowDays'), `must be a whole number of days, 1 to ${WINDOW_DAYS_MAX}`);
  }
  const keys = reader.list(fields.keys, join(path, 'keys'));
  if (strategy !== 'business_key') {
    if (fields.keys !== undefined) reader.note(join(path, 'keys'), 'belongs to the strategy business_key only');
    return { strategy, scope, windowDays: windowDays as number };
  }
  if (keys.length === 0 || keys.length > KEY_PATHS_MAX)
    reader.note(join(path, 'keys'), `must list 1 to ${KEY_PATHS_MAX} paths`);
  const paths = keys.map((key, index) => keyPath(reader, key, `${join(path, 'keys')}[${index}]`, schema.properties));
  return { strategy, scope, windowDays: windowDays as number, paths };
}

/** A key made of a field that may be missing would make strangers of equals, so its fields are required. */
function keyPath(reader: DocumentReader, key: unknown, path: string, properties: readonly Property[]): string[] {
  const segments = typeof key === 'string' ? parseJsonPath(key) : null;
  if (segments?.length === 1 && ENVELOPE_KEYS.has(segments[0])) return segments;
  const property = segments && segments[0] === 'payload' ? findProperty(properties, segments.slice(1)) : null;
  if (
    !property ||
    !property.requiredThroughout ||
    property.logicalType === 'object' ||
    property.logicalType === 'array'
  ) {
    reader.note(
      path,
      `must be the path of a required field, as in $.payload.${properties[0]?.name ?? 'id'}, or one of ${[...ENVELOPE_KEYS].map((k) => `$.${k}`).join(', ')}`,
    );
  }
  return segments ?? [];
}

function loadPath(
  reader: DocumentReader,
  given: Given,
  name: 'subject' | 'eventTime' | 'facility',
  properties: readonly Property[],
  fits: (property: Property) => boolean,
  what: string,
): string[] | null {
  const entry = given.get(name);
  if (!entry) return null;
  const segments = typeof entry.value === 'string' ? parseJsonPath(entry.value) : null;
  const property = segments && segments[0] === 'payload' ? findProperty(properties, segments.slice(1)) : null;
  if (segments && property && fits(property)) return segments.slice(1);
  reader.note(
    entry.path,
    `must be the path of ${what} among the properties, as in $.payload.${properties[0]?.name ?? 'id'}`,
  );
  return null;
}

function loadLateness(reader: DocumentReader, given: Given): number | null {
  const entry = given.get('lateness');
  if (!entry) return null;
  const match = typeof entry.value === 'string' ? /^(\d{1,6})([smhd])$/.exec(entry.value) : null;
  if (!match) {
    reader.note(entry.path, 'must be a number with its unit, s, m, h or d, as in 72h');
    return null;
  }
  return Number(match[1]) * SECONDS[match[2]];
}

const POLICIES: readonly UnknownFieldPolicy[] = ['ignore', 'warn', 'evolve', 'quarantine', 'reject'];
const TYPE_CLASHES: readonly DriftPolicy['typeClash'][] = ['quarantine', 'recover'];

function loadDrift(reader: DocumentReader, given: Given): DriftPolicy {
  const entry = given.get('drift');
  const path = entry?.path ?? '';
  const fields: Fields = entry ? reader.object(entry.value, path) : {};
  reader.keys(fields, new Set(['policy', 'typeClash']), path, 'drift');
  return {
    policy: reader.oneOf(fields, 'policy', POLICIES, path) ?? 'evolve',
    typeClash: reader.oneOf(fields, 'typeClash', TYPE_CLASHES, path) ?? 'quarantine',
  };
}

function loadInferred(reader: DocumentReader, given: Given): InferredState | null {
  const entry = given.get('inferred');
  if (!entry) return null;
  if (entry.value === 'unreviewed' || entry.value === 'adopted') return entry.value;
  reader.note(entry.path, 'must be unreviewed or adopted');
  return null;
}
