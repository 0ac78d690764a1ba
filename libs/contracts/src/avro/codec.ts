import { Type } from 'avsc';
import { defaultProblem } from './defaults';
import { type AvroSchema, isNamed } from './schema';

/** A schema as avsc wants it: names resolved, with nothing that avsc is stricter about than Avro. */
function toAvsc(schema: AvroSchema): unknown {
  const defined = new Set<string>();
  const form = (node: AvroSchema): unknown => {
    if (isNamed(node)) {
      if (defined.has(node.fullName)) return node.fullName;
      defined.add(node.fullName);
    }
    switch (node.kind) {
      case 'record':
        return {
          type: 'record',
          name: node.fullName,
          aliases: node.aliases,
          fields: node.fields.map((field) => ({
            name: field.name,
            type: form(defaultFirst(field.type, field.defaultValue)),
            aliases: field.aliases,
            ...(field.defaultValue ? { default: field.defaultValue.json } : {}),
          })),
        };
      case 'enum':
        return {
          type: 'enum',
          name: node.fullName,
          aliases: node.aliases,
          symbols: node.symbols,
          ...(node.defaultSymbol === null ? {} : { default: node.defaultSymbol }),
        };
      case 'fixed':
        return { type: 'fixed', name: node.fullName, aliases: node.aliases, size: node.size };
      case 'array':
        return { type: 'array', items: form(node.items) };
      case 'map':
        return { type: 'map', values: form(node.values) };
      case 'union':
        return node.branches.map(form);
      default:
        return node.kind;
    }
  };
  return form(schema);
}

/** avsc wants a default to be of a union's first branch, as the specification did before 1.12. */
function defaultFirst(type: AvroSchema, defaultValue: { readonly json: unknown } | undefined): AvroSchema {
  if (type.kind !== 'union' || !defaultValue) return type;
  const fits = type.branches.findIndex((branch) => defaultProblem(branch, defaultValue.json) === null);
  if (fits <= 0) return type;
  return { ...type, branches: [type.branches[fits], ...type.branches.filter((_, i) => i !== fits)] };
}

const avscType = (schema: AvroSchema): Type => Type.forSchema(toAvsc(schema) as never, { wrapUnions: true });

/**
 * Tries a value, in Avro's JSON encoding, on both sides: the writer must encode it, and the reader must fail to make a
 * value of the bytes, by Avro's own rules of resolution.
 */
export function refusedByReader(reader: AvroSchema, writer: AvroSchema): (json: unknown) => boolean {
  const writes = avscType(writer);
  const reads = avscType(reader);
  return (json) => {
    let bytes: Buffer;
    try {
      bytes = writes.toBuffer(writes.fromString(JSON.stringify(json)));
    } catch {
      return false;
    }
    try {
      reads.fromBuffer(bytes, reads.createResolver(writes));
      return false;
    } catch {
      return true;
    }
  };
}
