import type { FieldProfile } from '@millrace/topics';
import { RESERVED_COLUMNS } from '../columns';
import { presentOf } from '../profile/history';
import { parseJsonPath } from '../property-path';
import { type Kind, kindOf } from './kinds';
import { columnName } from './names';

/** A property as its contract's file has it. */
export type PropertyDocument = Record<string, unknown> & { readonly name: string };

/** Columns that inference gives a contract, those that it has included. */
export const INFERRED_COLUMNS_MAX = 200;
/** Objects within objects that become columns; deeper ones are JSON. */
const COLUMN_DEPTH_MAX = 5;

/** Fields of a profile by what they are below. */
export interface FieldTree {
  readonly name: string;
  readonly field: FieldProfile;
  readonly below: Map<string, FieldTree>;
}

export function treeOf(fields: readonly FieldProfile[]): FieldTree | null {
  let root: FieldTree | null = null;
  for (const field of fields) {
    const path = parseJsonPath(field.path);
    if (!path) continue;
    const node: FieldTree = { name: path[path.length - 1], field, below: new Map() };
    if (path.length === 1) root = node;
    else {
      let parent: FieldTree | null | undefined = root;
      for (const name of path.slice(1, -1)) parent = parent?.below.get(name);
      parent?.below.set(node.name, node);
    }
  }
  return root;
}

/** Names and number of the columns so far. */
export interface ColumnRoom {
  /** In lower case. */
  readonly taken: Set<string>;
  left: number;
}

export const newRoom = (columns: Iterable<string> = []): ColumnRoom => {
  const names = [...columns].map((name) => name.toLowerCase());
  return { taken: new Set([...RESERVED_COLUMNS, ...names]), left: INFERRED_COLUMNS_MAX - names.length };
};

/** Properties for fields, as far as they have had values and there is room; the commonest first. */
export function inferProperties(
  fields: Iterable<FieldTree>,
  room: ColumnRoom,
  prefix: readonly string[] = [],
): PropertyDocument[] {
  const seen = new Set<string>();
  const properties: PropertyDocument[] = [];
  const byUse = [...fields].sort((a, b) => Math.sign(presentOf(b.field) - presentOf(a.field)));
  for (const node of byUse) {
    // What a contract cannot name stays in the payload.
    if (node.name === '' || node.name in Object.prototype || seen.has(node.name.toLowerCase())) continue;
    const property = inferProperty(node, room, prefix);
    if (!property) continue;
    seen.add(node.name.toLowerCase());
    properties.push(property);
  }
  return properties;
}

export function inferProperty(
  node: FieldTree,
  room: ColumnRoom,
  prefix: readonly string[] = [],
): PropertyDocument | null {
  const kind = kindOf(node.field);
  if (kind === null || room.left <= 0) return null;
  const path = [...prefix, node.name];
  if (kind === 'object' && path.length < COLUMN_DEPTH_MAX) {
    const properties = inferProperties(node.below.values(), room, path);
    if (properties.length > 0) return { name: node.name, logicalType: 'object', properties };
  }
  room.left--;
  const wanted = path.join('_');
  const column = columnName(wanted, room.taken);
  return { name: node.name, ...(column !== wanted && { physicalName: column }), ...typeOf(kind) };
}

/** How a file says what a kind is. */
export function typeOf(kind: Kind): Record<string, unknown> {
  switch (kind) {
    case 'any':
      return { logicalType: 'string', customProperties: [{ property: 'anyValue', value: true }] };
    case 'free_object':
      return { logicalType: 'object' };
    default:
      return { logicalType: kind };
  }
}
