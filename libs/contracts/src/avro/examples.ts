import type { Example } from '../compatibility/raw-difference';
import { avroName, type AvroSchema, type AvroUnion } from './schema';

/**
 * A small value of a type, in Avro's JSON encoding (a union's value is wrapped in the name of its branch); null where a
 * type has none, as a record that always contains itself.
 */
export function avroExample(schema: AvroSchema, open: ReadonlySet<AvroSchema> = new Set()): Example | null {
  switch (schema.kind) {
    case 'null':
      return { value: null };
    case 'boolean':
      return { value: true };
    case 'int':
    case 'long':
      return { value: 1 };
    case 'float':
    case 'double':
      return { value: 1.5 };
    case 'bytes':
    case 'string':
      return { value: 'a' };
    case 'fixed':
      return { value: 'a'.repeat(schema.size) };
    case 'enum':
      return schema.symbols.length > 0 ? { value: schema.symbols[0] } : null;
    case 'array':
      return { value: [] };
    case 'map':
      return { value: {} };
    case 'union':
      for (const branch of schema.branches) {
        const inner = avroExample(branch, open);
        if (inner) return inUnion(branch, inner.value);
      }
      return null;
    case 'record': {
      if (open.has(schema)) return null;
      const value: Record<string, unknown> = {};
      const inside = new Set([...open, schema]);
      for (const field of schema.fields) {
        const inner = avroExample(field.type, inside);
        if (!inner) return null;
        value[field.name] = inner.value;
      }
      return { value };
    }
  }
}

export const inUnion = (branch: AvroSchema, value: unknown): Example => ({
  value: branch.kind === 'null' ? null : { [avroName(branch)]: value },
});

/** A value of a record whose field `name` is given. */
export function withField(record: AvroSchema, name: string, value: unknown): Example | null {
  if (record.kind !== 'record') return null;
  const fields: Record<string, unknown> = {};
  for (const field of record.fields) {
    const inner = field.name === name ? { value } : avroExample(field.type);
    if (!inner) return null;
    fields[field.name] = inner.value;
  }
  return { value: fields };
}

export const isUnion = (schema: AvroSchema): schema is AvroUnion => schema.kind === 'union';
