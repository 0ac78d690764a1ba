import type { Chance } from './chance';

/** JSON Schema, as far as samples are made of it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

const DATES = ['2013-02-01', '2026-01-01', '2013-06-15'];
const DEPTH_MAX = 6;

/** A value that a schema allows, mostly; one time in twenty of another type. `name` says what an untyped one may mean. */
export function sampleOf(chance: Chance, schema: Schema, name = '', depth = 0): unknown {
  if (chance.one(20)) return chance.pick<unknown>([null, true, -1, 2 ** 53, '', [], {}, [[[]]], 'x'.repeat(300)]);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return chance.pick(schema.enum);
  if (schema.example !== undefined) return schema.example;
  if (schema.examples?.length) return chance.pick(schema.examples);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices?.length) return sampleOf(chance, chance.pick(choices), name, depth + 1);
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => sampleOf(chance, part, name, depth + 1)));
  if (depth > DEPTH_MAX) return null;
  switch (Array.isArray(schema.type) ? chance.pick(schema.type) : schema.type) {
    case 'object':
      return sampleObject(chance, schema, depth);
    case 'array':
      return Array.from({ length: chance.below(4) }, () => sampleOf(chance, schema.items ?? {}, name, depth + 1));
    case 'integer':
    case 'number':
      return chance.pick([schema.minimum ?? 0, schema.maximum ?? 100, 1, 10, 50]);
    case 'boolean':
      return chance.one(2);
    case 'null':
      return null;
    default:
      return sampleText(chance, schema, name);
  }
}

function sampleObject(chance: Chance, { properties = {}, required = [] }: Schema, depth: number): unknown {
  const sample: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(properties))
    if (required.includes(key) ? !chance.one(15) : chance.one(2))
      sample[key] = sampleOf(chance, schema, key, depth + 1);
  return sample;
}

function sampleText(chance: Chance, { format }: Schema, name: string): string {
  if (format === 'date' || name === 'from' || name === 'to' || name.endsWith('_date')) return chance.pick(DATES);
  if (format === 'date-time' || name.endsWith('_at')) return `${chance.pick(DATES)}T01:02:03Z`;
  if (format === 'uuid') return '01890a5d-ac96-774b-bcce-b302099a8057';
  if (format?.startsWith('uri')) return 'http://127.0.0.1:1/x';
  if (name === 'limit' || name === 'page') return String(chance.below(200));
  return chance.pick(['a', 'b-1', 'clean.events', 'clean.shipment_events', 'WN', 'e-1', 'x.y']);
}
