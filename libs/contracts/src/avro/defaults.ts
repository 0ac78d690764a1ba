import { kind as kindOf } from '../document-reader';
import { avroName, type AvroSchema } from './schema';

const INT_MAX = 2 ** 31;
const LONG_MAX = 2 ** 63;
/** Bytes are written as text whose code points are the bytes. */
const isBytes = (text: string): boolean => [...text].every((char) => (char.codePointAt(0) as number) <= 0xff);

/**
 * Says why a JSON value is no default of a type, or null when it is one. A default of a union may be of any branch
 * (specification 1.12; earlier ones wanted the first).
 */
export function defaultProblem(schema: AvroSchema, json: unknown): string | null {
  const bad = `is no ${avroName(schema)}: ${kindOf(json)}`;
  switch (schema.kind) {
    case 'null':
      return json === null ? null : bad;
    case 'boolean':
      return typeof json === 'boolean' ? null : bad;
    case 'int':
      return Number.isInteger(json) && Math.abs(json as number) <= INT_MAX ? null : bad;
    case 'long':
      return Number.isInteger(json) && Math.abs(json as number) <= LONG_MAX ? null : bad;
    case 'float':
    case 'double':
      return typeof json === 'number' || json === 'NaN' || json === 'Infinity' || json === '-Infinity' ? null : bad;
    case 'string':
      return typeof json === 'string' ? null : bad;
    case 'bytes':
      return typeof json === 'string' && isBytes(json) ? null : bad;
    case 'fixed':
      return typeof json === 'string' && isBytes(json) && json.length === schema.size ? null : bad;
    case 'enum':
      return schema.symbols.includes(json as string) ? null : `is none of the symbols of ${avroName(schema)}`;
    case 'array':
      if (!Array.isArray(json)) return bad;
      return json.map((item) => defaultProblem(schema.items, item)).find((problem) => problem !== null) ?? null;
    case 'map':
      if (!isObject(json)) return bad;
      return (
        Object.values(json)
          .map((item) => defaultProblem(schema.values, item))
          .find((problem) => problem !== null) ?? null
      );
    case 'record':
      if (!isObject(json)) return bad;
      for (const field of schema.fields) {
        if (!Object.hasOwn(json, field.name)) {
          if (field.defaultValue) continue;
          return `lacks ${field.name} of ${avroName(schema)}`;
        }
        const problem = defaultProblem(field.type, json[field.name]);
        if (problem) return problem;
      }
      return null;
    case 'union':
      return schema.branches.some((branch) => defaultProblem(branch, json) === null)
        ? null
        : `is of no type of the union ${schema.branches.map(avroName).join(', ')}`;
  }
}

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
