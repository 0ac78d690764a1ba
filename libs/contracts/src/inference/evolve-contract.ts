import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { contractColumns } from '../columns';
import type { Contract, Property } from '../model';
import { type ProfileHistory, valuesOf } from '../profile/history';
import { columnName } from './names';
import { type ColumnRoom, type FieldTree, inferProperty, newRoom, treeOf, typeOf } from './infer-properties';
import { kindOfProperty, misfits, widened } from './kinds';

/** What a new version changes. */
export interface Evolved {
  readonly yaml: string;
  readonly version: string;
  /** Paths from the event. */
  readonly added: readonly string[];
  /** Of inferred contracts: fields that have another column from this version on. */
  readonly widened: readonly string[];
}

/** Values that do not fit widen a field from so many on, if they are this share of all; fewer stay in `_recovered`. */
const MISFITS_MIN = 5;
const MISFITS_SHARE = 0.05;

/**
 * The next version of a contract, with columns for fields that it does not list and, where it was inferred and nobody has
 * reviewed it, wider ones for fields whose values often do not fit. Null where there is nothing to do. What the file says
 * beside that, comments included, stays.
 *
 * @param history what was seen under the version
 * @param tableColumns names that the table has already, also of columns that no version in force has
 */
export function evolveContract(
  contract: Contract,
  yaml: string,
  history: ProfileHistory,
  tableColumns: readonly string[] = [],
): Evolved | null {
  const root = treeOf(history.fields);
  if (!root) return null;
  const document = parseDocument(yaml, { version: '1.2', schema: 'core' });
  const list = document.getIn(['schema', 0, 'properties']);
  if (!isSeq(list)) return null;
  const names = new Set([...contractColumns(contract).columns.map(({ name }) => name), ...tableColumns]);
  const change: Change = { document, room: newRoom(names), marks: contract.inferred === null, added: [], widened: [] };
  extend(change, contract.properties, list as YAMLSeq, root, []);
  if (contract.inferred === 'unreviewed') widen(change, contract.properties, list as YAMLSeq, root);
  if (change.added.length === 0 && change.widened.length === 0) return null;
  const version = nextVersion(contract.version, contract.inferred === 'unreviewed');
  document.set('version', version);
  return { yaml: document.toString(), version, added: change.added, widened: change.widened };
}

/**
 * Versions of an inferred contract count up. Of what a person wrote it is the least version beyond theirs (Semantic
 * Versioning 2.0, section 11), so that whichever they write next is newer: 1.4.2, 1.4.3-inferred.1, 1.4.3.
 */
export function nextVersion(version: string, inferred: boolean): string {
  const own = /^(.*inferred\.)(\d+)$/.exec(version);
  if (own) return `${own[1]}${Number(own[2]) + 1}`;
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?$/.exec(version);
  if (!match) return version.includes('-') ? `${version}.inferred.1` : `${version}-inferred.1`;
  const [, major, minor, patch = '0'] = match;
  return inferred ? `${major}.${Number(minor) + 1}.0` : `${major}.${minor}.${Number(patch) + 1}-inferred.1`;
}

interface Change {
  readonly document: Document;
  readonly room: ColumnRoom;
  /** Whether new fields are to be told from those that a person wrote. */
  readonly marks: boolean;
  readonly added: string[];
  readonly widened: string[];
}

/** Adds what an object has and its properties do not list. */
function extend(
  change: Change,
  properties: readonly Property[],
  list: YAMLSeq,
  node: FieldTree,
  path: readonly string[],
): void {
  const known = new Map(properties.map((property) => [property.name.toLowerCase(), property]));
  for (const below of node.below.values()) {
    const property = known.get(below.name.toLowerCase());
    if (property === undefined) {
      if (below.name === '' || below.name in Object.prototype) continue;
      const made = inferProperty(below, change.room, path);
      if (!made) continue;
      if (change.marks) made['customProperties'] = [...customOf(made), { property: 'inferred', value: true }];
      list.add(change.document.createNode(made));
      change.added.push(below.field.path);
      known.set(below.name.toLowerCase(), { name: below.name } as Property);
    } else if (property.name === below.name && property.properties?.length > 0) {
      const fields = mapOf(list, below.name)?.get('properties');
      if (isSeq(fields)) extend(change, property.properties, fields as YAMLSeq, below, [...path, below.name]);
    }
  }
}

const customOf = (made: Readonly<Record<string, unknown>>): readonly unknown[] =>
  (made['customProperties'] as readonly unknown[] | undefined) ?? [];

/** A column never changes its type, so a wider field gets another one; the old one keeps what it holds. */
function widen(
  change: Change,
  properties: readonly Property[],
  list: YAMLSeq,
  node: FieldTree,
  path: readonly string[] = [],
): void {
  for (const property of properties) {
    const below = node.below.get(property.name);
    const map = below && mapOf(list, property.name);
    if (!below || !map) continue;
    const here = [...path, property.name];
    const kind = kindOfProperty(property);
    if (kind === 'object') {
      const fields = map.get('properties');
      if (isSeq(fields)) widen(change, property.properties, fields as YAMLSeq, below, here);
      continue;
    }
    const wrong = misfits(below.field, kind);
    if (wrong < MISFITS_MIN || wrong < MISFITS_SHARE * valuesOf(below.field)) continue;
    const to = widened(kind, below.field);
    if (to === null || change.room.left <= 0) continue;
    change.room.left--;
    map.set('physicalName', columnName(`${here.join('_')}_${to === 'number' ? 'number' : 'text'}`, change.room.taken));
    for (const [key, value] of Object.entries(typeOf(to))) map.set(key, change.document.createNode(value));
    change.widened.push(below.field.path);
  }
}

function mapOf(list: YAMLSeq, name: string): YAMLMap | null {
  for (const item of list.items) if (isMap(item) && item.get('name') === name) return item as YAMLMap;
  return null;
}
