import { type DocumentReader, type Fields, join, kind } from './document-reader';
import { SLA_KEYS } from './odcs-keys';
import { type Retention, RETENTION_MS_MAX, RETENTION_MS_MIN, RETENTION_UNITS, type RetentionUnit } from './retention';

/** The standard names `d`, `y` and their long forms, "etc."; `m` could be minutes or months, and is none of these. */
const NAMES: Readonly<Record<RetentionUnit, readonly string[]>> = {
  hours: ['h', 'hr', 'hour', 'hours'],
  days: ['d', 'day', 'days'],
  weeks: ['w', 'wk', 'week', 'weeks'],
  months: ['mo', 'month', 'months'],
  years: ['y', 'yr', 'year', 'years'],
};
/** Names of service levels are case-insensitive; `re` is the standard's synonym. */
const PROPERTIES = new Set(['retention', 're']);
/** What an element may name as the time to count from, beside the contract's own event time. */
const COLUMNS = ['ingest_time', 'event_time'] as const;

export interface RetentionFacts {
  /** Names of the schema object, with which an element may begin. */
  readonly objects: readonly (string | null)[];
  /** Segments from the payload. */
  readonly eventTimePath: readonly string[] | null;
}

/**
 * Reads the service level `retention` out of `slaProperties`: what it promises is done, so whatever could be understood in
 * two ways is refused. Null where the contract is silent. Other service levels are kept and shown.
 */
export function loadRetention(reader: DocumentReader, root: Fields, facts: RetentionFacts): Retention | null {
  let found: Retention | null = null;
  let given = 0;
  const list: unknown = root.slaProperties;
  for (const [index, item] of (Array.isArray(list) ? (list as unknown[]) : []).entries()) {
    if (!isRetention(item)) continue;
    const path = `slaProperties[${index}]`;
    if (given++ > 0) reader.note(join(path, 'property'), 'retention is given twice');
    found = readRetention(reader, item, path, root, facts);
  }
  return found;
}

/** Whether an element of `slaProperties` is about retention. */
export function isRetention(item: unknown): item is Fields {
  const property = (item as Fields | null)?.property;
  return typeof property === 'string' && PROPERTIES.has(property.toLowerCase());
}

function readRetention(
  reader: DocumentReader,
  item: Fields,
  path: string,
  root: Fields,
  facts: RetentionFacts,
): Retention | null {
  reader.keys(item, SLA_KEYS, path, 'a service level in ODCS 3.1');
  if (item.valueExt !== undefined) reader.note(join(path, 'valueExt'), 'says nothing of a retention');
  const from = countedFrom(reader, item, path, root, facts);
  const value = wholeNumber(reader, item.value, join(path, 'value'));
  const unit = unitOf(reader, item, path);
  if (value === null || unit === null || from === null) return null;
  const ms = value * RETENTION_UNITS[unit];
  if (ms >= RETENTION_MS_MIN && ms <= RETENTION_MS_MAX) return { value, unit, ms, from };
  reader.note(join(path, 'value'), 'must be a day at least, and 100 years at most');
  return null;
}

function wholeNumber(reader: DocumentReader, value: unknown, path: string): number | null {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
  const not = typeof value === 'number' ? String(value) : kind(value);
  reader.note(path, value === undefined ? 'is required' : `must be a whole number above 0, not ${not}`);
  return null;
}

function unitOf(reader: DocumentReader, item: Fields, path: string): RetentionUnit | null {
  const units = Object.keys(NAMES) as RetentionUnit[];
  const text = typeof item.unit === 'string' ? item.unit.toLowerCase() : null;
  const unit = units.find((each) => text !== null && NAMES[each].includes(text));
  if (unit !== undefined) return unit;
  const known = units.map((each) => NAMES[each].join(', ')).join('; ');
  reader.note(join(path, 'unit'), item.unit === undefined ? `is required: one of ${known}` : `must be one of ${known}`);
  return null;
}

/** The deprecated default element stands in where there is no own one, as the standard has it. */
function countedFrom(
  reader: DocumentReader,
  item: Fields,
  path: string,
  root: Fields,
  { objects, eventTimePath }: RetentionFacts,
): Retention['from'] | null {
  const own = item.element !== undefined;
  const element = own ? item.element : root.slaDefaultElement;
  if (element === undefined) return 'ingest_time';
  const text = typeof element === 'string' ? element.trim() : '';
  const object = objects.find((name) => name !== null && text.startsWith(`${name}.`));
  const names = object ? [text, text.slice(object.length + 1)] : [text];
  if (eventTimePath && names.includes(eventTimePath.join('.'))) return 'event_time';
  const column = COLUMNS.find((name) => names.includes(name));
  if (column) return column;
  const field = eventTimePath ? `, or ${eventTimePath.join('.')}, its event time` : '';
  reader.note(
    own ? join(path, 'element') : 'slaDefaultElement',
    `must be the time that retention counts from: ingest_time (the default) or event_time${field}; say so in the retention's element`,
  );
  return null;
}
