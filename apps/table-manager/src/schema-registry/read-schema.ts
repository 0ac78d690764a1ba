import { createHash } from 'node:crypto';
import { ContractError } from '@millrace/contracts';
import { SCHEMA_TYPES, schemaIdentity, type SchemaType } from '@millrace/contracts/compatibility';
import { canonicalize } from '@millrace/envelope';
import { SchemaRegistryError } from './registry-error';

export { SCHEMA_TYPES, type SchemaType };

/** A schema that was read and found valid. */
export interface ReadSchema {
  readonly type: SchemaType;
  /** As it came. */
  readonly text: string;
  /** SHA-256, hex, of the type and the canonical form: equal for equal schemas however they are written. */
  readonly fingerprint: string;
}

/**
 * Reads a schema.
 *
 * @throws SchemaRegistryError 42201 saying what is wrong, and where
 */
export function readSchema(type: SchemaType, text: string): ReadSchema {
  const given = type === 'AVRO' ? quoted(text) : text;
  try {
    const { canonical } = schemaIdentity(type, given);
    const form = type === 'AVRO' ? canonicalize(plainTypes(JSON.parse(canonical))) : canonical;
    return { type, text: given, fingerprint: createHash('sha256').update(`${type}\n${form}`).digest('hex') };
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    const [first] = error.problems;
    const message = `Invalid schema of type ${type}: ${first?.path ? `${first.path} ` : ''}${first?.rule ?? ''}`;
    throw new SchemaRegistryError('invalid_schema', message.slice(0, 1_000));
  }
}

/** Some serializers send the name of a primitive type as it is. */
const quoted = (text: string): string => (/^[a-z]+$/.test(text) ? JSON.stringify(text) : text);

/** `{"type": "string"}` as `"string"`: docs, defaults and aliases count, as in the Schema Registry. */
function plainTypes(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(plainTypes);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node);
  if (entries.length === 1 && entries[0][0] === 'type' && typeof entries[0][1] === 'string') return entries[0][1];
  // Defaults are data: what looks like a type in them is none.
  return Object.fromEntries(entries.map(([key, value]) => [key, key === 'default' ? value : plainTypes(value)]));
}
