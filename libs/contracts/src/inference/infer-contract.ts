import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { ProfileHistory } from '../profile/history';
import { inferProperties, newRoom, treeOf } from './infer-properties';

export interface InferredNames {
  readonly contract: string;
  /** Without `clean.`. */
  readonly table: string;
}

/** Why no contract can be made of what was seen of a type. */
export interface NotInferable {
  readonly why: string;
}

/**
 * The first contract of an event type, as a file: each field that has had a value is a column, none is required, and
 * values that do not fit land in `_recovered`.
 */
export function inferContract(
  eventType: string,
  names: InferredNames,
  history: ProfileHistory,
): { readonly yaml: string } | NotInferable {
  const root = treeOf(history.fields);
  if (!root?.field.objects) return { why: 'no payload of the type was an object so far' };
  if (root.field.wide) return { why: 'the payload has more fields than can be columns: its names are data' };
  const properties = inferProperties(root.below.values(), newRoom());
  if (properties.length === 0) return { why: 'no field of the type has had a value so far' };
  return {
    yaml: stringify({
      apiVersion: 'v3.1.0',
      kind: 'DataContract',
      id: idOf(eventType),
      name: names.contract,
      version: FIRST_VERSION,
      status: 'draft',
      description: {
        purpose: `Events of the type ${eventType}, as they looked when they first came. Inferred; nobody has reviewed it.`,
      },
      schema: [
        {
          name: names.contract,
          logicalType: 'object',
          physicalName: names.table,
          physicalType: 'table',
          properties,
        },
      ],
      customProperties: [
        { property: 'eventTypes', value: [eventType] },
        { property: 'inferred', value: 'unreviewed' },
        { property: 'drift', value: { policy: 'evolve', typeClash: 'recover' } },
      ],
    }),
  };
}

export const FIRST_VERSION = '0.1.0';

/** The same for the same type, whoever infers it: a UUIDv8 (RFC 9562, 5.8). */
function idOf(eventType: string): string {
  const id = createHash('sha256').update(`inferred\0${eventType}`).digest().subarray(0, 16);
  id[6] = (id[6] & 0x0f) | 0x80;
  id[8] = (id[8] & 0x3f) | 0x80;
  const hex = id.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
