import { type DocumentReader, type Fields, join } from './document-reader';
import type { Property } from './model';
import { ENVELOPE_MEMBERS, type EnvelopeMember, findPersonal, isPersonal, kindOf, type Privacy } from './privacy';
import { findProperty, parseJsonPath } from './property-path';

const KIND = /^[a-z][a-z0-9_]{0,63}$/;
const KEYS = new Set(['subject', 'kind', 'lakeTokens', 'reversible', 'envelope']);
const SUBJECT_TYPES: ReadonlySet<string> = new Set(['string', 'integer']);

/** Reads `customProperties` `privacy`. */
export function loadPrivacy(
  reader: DocumentReader,
  entry: { readonly value: unknown; readonly path: string } | undefined,
  properties: readonly Property[],
  contractSubject: readonly string[] | null,
): Privacy | null {
  if (!entry) return null;
  const { path } = entry;
  const fields: Fields = reader.object(entry.value, path);
  reader.keys(fields, KEYS, path, 'privacy');
  const subjectPath = subjectOf(reader, fields, path, properties) ?? contractSubject;
  const kind = reader.string(fields, 'kind', path) ?? kindOf(subjectPath).toLowerCase();
  if (subjectPath !== null && !KIND.test(kind))
    reader.note(join(path, 'kind'), 'must be a-z, 0-9 and _, beginning with a letter, 64 characters at most');
  const envelope = reader.list(fields.envelope, join(path, 'envelope'));
  envelope.forEach((member, index) => {
    if (!(ENVELOPE_MEMBERS as readonly unknown[]).includes(member))
      reader.note(`${join(path, 'envelope')}[${index}]`, `must be one of ${ENVELOPE_MEMBERS.join(', ')}`);
  });
  return {
    subjectPath,
    kind,
    lakeTokens: personalPaths(reader, fields, 'lakeTokens', path, properties),
    reversible: personalPaths(reader, fields, 'reversible', path, properties),
    envelope: envelope as EnvelopeMember[],
  };
}

function subjectOf(
  reader: DocumentReader,
  fields: Fields,
  path: string,
  properties: readonly Property[],
): readonly string[] | null {
  if (fields.subject === undefined) return null;
  const segments = payloadPath(fields.subject);
  const property = segments && findProperty(properties, segments);
  if (segments && property && SUBJECT_TYPES.has(property.logicalType)) return segments;
  reader.note(
    join(path, 'subject'),
    `must be the path of a string or integer among the properties, as in $.payload.${properties[0]?.name ?? 'id'}`,
  );
  return null;
}

function personalPaths(
  reader: DocumentReader,
  fields: Fields,
  key: string,
  path: string,
  properties: readonly Property[],
): readonly (readonly string[])[] {
  return reader.list(fields[key], join(path, key)).flatMap((value, index) => {
    const segments = payloadPath(value);
    if (segments && findPersonal(properties, segments)) return [segments];
    reader.note(
      `${join(path, key)}[${index}]`,
      'must be the path of a field that is itself classified restricted, pii, personal or sensitive, as in $.payload.email',
    );
    return [];
  });
}

function payloadPath(value: unknown): string[] | null {
  const segments = typeof value === 'string' ? parseJsonPath(value) : null;
  return segments?.[0] === 'payload' && segments.length > 1 ? segments.slice(1) : null;
}

/** A time that events are sorted by is seen by everyone. */
export function checkEventTime(
  reader: DocumentReader,
  properties: readonly Property[],
  eventTimePath: readonly string[] | null,
  path: string | undefined,
): void {
  if (!eventTimePath || path === undefined) return;
  const around = eventTimePath.map((_, depth) => findProperty(properties, eventTimePath.slice(0, depth + 1)));
  if (around.some((property) => property && isPersonal(property.classification)))
    reader.note(path, 'must not be classified: an event time is a column of every table');
}
