import { ContractError } from '../contract-error';
import { DocumentReader, kind as kindOf } from '../document-reader';
import { SHAPE_FORMATS } from '../shapes/formats';
import { patternRefusal } from '../patterns/compile-pattern';
import { IN_PLACE, type KeywordKind, KEYWORDS } from './keywords';
import { lookUp, pointer } from './pointers';
import { DEFS, JSON_TYPES, type JsonSchema, type JsonType, type SchemaKeywords, type SchemaNode } from './schema';

const SCHEMA_BYTES_MAX = 1024 * 1024;
const DEPTH_MAX = 64;
const NODES_MAX = 20_000;
const FIELDS_MAX = 1000;
const VALUES_MAX = 10_000;

/**
 * Reads the text of a JSON Schema, drafts 04 to 2020-12. Keywords that JSON Schema does not know are annotations and are
 * left out. A schema may contain itself by way of a field, an element or the like, but not at one and the same place.
 *
 * @throws ContractError with every problem and its place, e.g. `#/properties/status/enum`
 */
export function parseJsonSchema(text: string): JsonSchema {
  const reader = new DocumentReader();
  const parsed = parseText(reader, text);
  const schema = parsed === undefined ? null : new SchemaParser(reader, parsed).parse();
  if (!schema || reader.problems.length > 0) throw new ContractError(reader.problems);
  return schema;
}

function parseText(reader: DocumentReader, text: string): unknown {
  if (Buffer.byteLength(text) > SCHEMA_BYTES_MAX) {
    reader.note('', `must have ${SCHEMA_BYTES_MAX} bytes at most`);
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    reader.note('', `is not JSON: ${(error as Error).message}`);
    return undefined;
  }
}

type Raw = Readonly<Record<string, unknown>>;
class SchemaParser {
  private readonly defs: Record<string, SchemaNode> = {};
  /** Names of `defs` by the place that they stand for. */
  private readonly names = new Map<string, string>();
  /** References that stand at one place with what they lead to, by name; a loop of them says nothing. */
  private readonly inPlace = new Map<string, Set<string>>();
  private nodes = 0;

  constructor(
    private readonly reader: DocumentReader,
    private readonly document: unknown,
  ) {}

  parse(): JsonSchema {
    const root = this.node(this.document, '#', 0, this.placeOf('#root'));
    for (const name of this.inPlace.keys()) this.refuseLoop(name);
    return { root, defs: this.defs };
  }

  /** @param at the references found at the very place that is being read */
  private node(json: unknown, path: string, depth: number, at: Set<string>): SchemaNode {
    this.nodes++;
    if (this.nodes === NODES_MAX + 1) this.reader.note(path, `is beyond ${NODES_MAX} schemas in one text`);
    if (this.nodes > NODES_MAX) return true;
    if (depth > DEPTH_MAX) {
      this.reader.note(path, `is nested more than ${DEPTH_MAX} levels deep`);
      return true;
    }
    if (typeof json === 'boolean') return json;
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      this.reader.note(path, `must be a schema, not ${kindOf(json)}`);
      return true;
    }
    return this.keywords(json as Raw, path, depth, at);
  }

  private keywords(raw: Raw, path: string, depth: number, at: Set<string>): SchemaNode {
    const out: SchemaKeywords = {};
    const set = out as Record<string, unknown>;
    for (const [keyword, kind] of Object.entries(KEYWORDS)) {
      if (raw[keyword] === undefined) continue;
      const value = this.value(kind, raw[keyword], `${path}/${keyword}`, depth, IN_PLACE.has(keyword) ? at : new Set());
      if (value !== undefined) set[keyword] = value;
    }
    for (const keyword of ['$dynamicRef', '$recursiveRef'])
      if (raw[keyword] !== undefined) this.reader.note(`${path}/${keyword}`, 'is not supported: use $ref');
    if (raw.$ref !== undefined) this.reference(raw.$ref, out, path, depth, at);
    this.types(raw, out, path);
    this.bounds(raw, out, path);
    this.items(raw, out, path, depth);
    this.dependencies(raw, out, path, depth);
    this.texts(raw, out, path);
    return out;
  }

  private value(kind: KeywordKind, value: unknown, path: string, depth: number, at: Set<string>): unknown {
    switch (kind) {
      case 'number':
        return this.check(typeof value === 'number', value, path, 'a number');
      case 'positive':
        return this.check(typeof value === 'number' && value > 0, value, path, 'a number above 0');
      case 'count':
        return this.check(Number.isInteger(value) && (value as number) >= 0, value, path, 'a whole number, 0 or more');
      case 'flag':
        return this.check(typeof value === 'boolean', value, path, 'true or false');
      case 'text':
        return typeof value === 'string' ? value : undefined;
      case 'raw':
        return value;
      case 'names':
        return this.namesIn(value, path);
      case 'nameMap':
        return Object.fromEntries(
          Object.entries(this.reader.object(value, path)).map(([k, v]) => [k, this.namesIn(v, `${path}/${k}`)]),
        );
      case 'schema':
        return this.node(value, path, depth + 1, at);
      case 'schemas':
        return this.reader.list(value, path).map((item, i) => this.node(item, `${path}/${i}`, depth + 1, at));
      case 'map': {
        const entries = Object.entries(this.reader.object(value, path));
        if (entries.length > FIELDS_MAX) {
          this.reader.note(path, `lists ${entries.length} fields; ${FIELDS_MAX} at most`);
          return {};
        }
        if (path.endsWith('/patternProperties'))
          for (const [pattern] of entries) this.pattern(pattern, `${path}/${pattern}`);
        // Such a field would be found on every object, whether it was sent or not.
        for (const [name] of entries)
          if (name in Object.prototype)
            this.reader.note(`${path}/${name}`, `"${name}" is a name that JavaScript reserves`);
        return Object.fromEntries(
          entries.map(([k, v]) => [k, this.node(v, `${path}/${pointer(k)}`, depth + 1, new Set())]),
        );
      }
    }
  }

  private check(good: boolean, value: unknown, path: string, what: string): unknown {
    if (!good) this.reader.note(path, `must be ${what}, not ${kindOf(value)}`);
    return good ? value : undefined;
  }

  private namesIn(value: unknown, path: string): readonly string[] {
    const list = this.reader.list(value, path);
    list.forEach((item, i) => {
      if (typeof item !== 'string') this.reader.note(`${path}/${i}`, `must be a string, not ${kindOf(item)}`);
      else if (item in Object.prototype)
        this.reader.note(`${path}/${i}`, `"${item}" is a name that JavaScript reserves`);
    });
    return [...new Set(list.filter((item): item is string => typeof item === 'string'))];
  }

  private reference(ref: unknown, out: SchemaKeywords, path: string, depth: number, at: Set<string>): void {
    if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref)) {
      this.reader.note(`${path}/$ref`, 'must point into this schema, as in #/$defs/address; others are not fetched');
      return;
    }
    const place = decodeURIComponent(ref);
    let name = this.names.get(place);
    if (name === undefined) {
      const target = lookUp(this.document, place);
      if (target === undefined) {
        this.reader.note(`${path}/$ref`, `leads nowhere: there is no ${place}`);
        return;
      }
      name = `ref${this.names.size + 1}`;
      this.names.set(place, name);
      this.defs[name] = true;
      this.defs[name] = this.node(target, place, depth + 1, this.placeOf(name));
    }
    at.add(name);
    out.$ref = DEFS + name;
  }

  private placeOf(name: string): Set<string> {
    const place = new Set<string>();
    this.inPlace.set(name, place);
    return place;
  }

  private refuseLoop(name: string): void {
    const open = [...(this.inPlace.get(name) ?? [])];
    const seen = new Set(open);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === name) {
        const place = [...this.names].find(([, known]) => known === name)?.[0] ?? '#';
        this.reader.note(place, 'refers to itself without a field or element in between, so that it says nothing');
        return;
      }
      for (const further of this.inPlace.get(next) ?? [])
        if (!seen.has(further)) {
          seen.add(further);
          open.push(further);
        }
    }
  }

  private types(raw: Raw, out: SchemaKeywords, path: string): void {
    if (raw.type !== undefined) {
      const list = [raw.type].flat();
      list.forEach((type, i) => {
        if (!(JSON_TYPES as readonly unknown[]).includes(type))
          this.reader.note(
            `${path}/type${Array.isArray(raw.type) ? `/${i}` : ''}`,
            `must be one of ${JSON_TYPES.join(', ')}`,
          );
      });
      out.type = [...new Set(list as JsonType[])];
    }
    if (raw.enum !== undefined) {
      const list = this.reader.list(raw.enum, `${path}/enum`);
      if (list.length > VALUES_MAX)
        this.reader.note(`${path}/enum`, `lists ${list.length} values; ${VALUES_MAX} at most`);
      else out.enum = list;
    }
    if (raw.const !== undefined) out.const = raw.const;
  }

  /** In draft 04 the exclusive bounds are flags beside the others. */
  private bounds(raw: Raw, out: SchemaKeywords, path: string): void {
    for (const [exclusive, inclusive] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ] as const) {
      const value = raw[exclusive];
      if (value === true && typeof out[inclusive] === 'number') {
        out[exclusive] = out[inclusive];
        delete out[inclusive];
      } else if (typeof value === 'number') out[exclusive] = value;
      else if (value !== undefined && typeof value !== 'boolean')
        this.reader.note(`${path}/${exclusive}`, `must be a number, not ${kindOf(value)}`);
    }
  }

  /** Before 2020-12 `items` could be a list, with `additionalItems` for the rest. */
  private items(raw: Raw, out: SchemaKeywords, path: string, depth: number): void {
    if (Array.isArray(raw.items)) {
      out.prefixItems = raw.items.map((item, i) => this.node(item, `${path}/items/${i}`, depth + 1, new Set()));
      if (raw.additionalItems !== undefined)
        out.items = this.node(raw.additionalItems, `${path}/additionalItems`, depth + 1, new Set());
    } else if (raw.items !== undefined) out.items = this.node(raw.items, `${path}/items`, depth + 1, new Set());
  }

  private dependencies(raw: Raw, out: SchemaKeywords, path: string, depth: number): void {
    if (raw.dependencies === undefined) return;
    for (const [name, value] of Object.entries(this.reader.object(raw.dependencies, `${path}/dependencies`))) {
      const at = `${path}/dependencies/${pointer(name)}`;
      if (Array.isArray(value)) out.dependentRequired = { ...out.dependentRequired, [name]: this.namesIn(value, at) };
      else out.dependentSchemas = { ...out.dependentSchemas, [name]: this.node(value, at, depth + 1, new Set()) };
    }
  }

  private texts(raw: Raw, out: SchemaKeywords, path: string): void {
    if (raw.pattern !== undefined && this.pattern(raw.pattern, `${path}/pattern`)) out.pattern = raw.pattern as string;
    if (raw.format === undefined) return;
    if (typeof raw.format !== 'string')
      this.reader.note(`${path}/format`, `must be a string, not ${kindOf(raw.format)}`);
    const format = raw.format === 'time' ? 'full-time' : raw.format;
    // Other formats are annotations, as the vocabulary of 2020-12 has it.
    if (typeof format === 'string' && Object.hasOwn(SHAPE_FORMATS, format)) out.format = format;
  }

  private pattern(pattern: unknown, path: string): boolean {
    const problem = typeof pattern === 'string' ? patternRefusal(pattern) : `must be a string, not ${kindOf(pattern)}`;
    if (problem) this.reader.note(path, problem);
    return problem === null;
  }
}
