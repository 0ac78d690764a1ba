import { ContractError } from '../contract-error';
import { columnName } from '../inference/names';
import { parseJsonSchema } from '../json-schema/parse';
import { DEFS, type JsonSchema, type SchemaKeywords, type SchemaNode } from '../json-schema/schema';
import { Shapes } from '../json-schema/to-shape';
import { PATTERN_SUBJECT_CHARS_MAX } from '../pattern-safety';
import { formatJsonPath } from '../property-path';
import { hull } from '../shapes/hull';
import type { Alternative, Objects, Shape } from '../shapes/shape';
import { RESERVED_COLUMNS } from '../columns';
import { restored } from './left-over';
import {
  allowedValues,
  contractDocument,
  type ImportOptions,
  isRaw,
  type Loss,
  ODCS_KEY,
  type Raw,
  without,
} from './loss';
import { numberElement, stringElement } from './scalar-elements';

/** A schema that refers to itself through its fields, or unfolds to more than this, is no contract. */
const ELEMENTS_MAX = 5000;
const DEPTH_MAX = 32;

/**
 * A contract's document of a JSON Schema (drafts 04 to 2020-12) of a payload; loadContract has the last word on it.
 *
 * @throws ContractError for a text that is no JSON Schema, one that is about no object, or one that contains itself
 */
export function contractFromJsonSchema(
  text: string,
  options: ImportOptions,
): { readonly document: Raw; readonly losses: readonly Loss[] } {
  const schema = parseJsonSchema(text);
  const reading = new Reading(schema);
  const properties = reading.root();
  const meta = reading.metaOf([schema.root]);
  return {
    document: contractDocument(properties, options, meta.doc, meta.odcs),
    losses: reading.losses,
  };
}

class Reading {
  readonly losses: Loss[] = [];
  private readonly shapes: Shapes;
  private readonly open = new Set<Shape>();
  private readonly taken = new Set<string>(RESERVED_COLUMNS);
  private elements = 0;

  constructor(private readonly schema: JsonSchema) {
    this.shapes = new Shapes(schema);
  }

  root(): readonly Raw[] {
    const shape = this.shapes.of(this.schema.root);
    const forms = shape.alternatives.filter(({ objects }) => objects !== null);
    const objects = forms.length > 0 ? hull(forms).objects : null;
    if (!objects)
      throw new ContractError([{ path: '#', rule: 'is about no object, which the payload of an event is' }]);
    if (forms.length > 1) this.lose([], 'alternatives', ONE_FORM);
    return this.fields(objects, [this.schema.root], [], '');
  }

  private lose(path: readonly string[], what: string, why: string): void {
    this.losses.push({ path: formatJsonPath(path), what, why });
  }

  private fields(
    objects: Objects,
    nodes: readonly SchemaNode[],
    path: readonly string[],
    prefix: string,
  ): readonly Raw[] {
    if (objects.others !== 'any')
      this.lose(path, 'additionalProperties', 'a contract allows fields that it does not list');
    if (objects.matching.length > 0) this.lose(path, 'patternProperties', 'a contract lists fields by name');
    return [...objects.fields].map(([name, { shape, required }]) => {
      const below = nodes.flatMap((node) => this.inPlace(node)).flatMap((node) => node.properties?.[name] ?? []);
      const element = this.element(shape(), below, [...path, name], prefix + name);
      const known = this.metaOf(below).odcs;
      const physicalName = isRaw(known) && typeof known.physicalName === 'string' ? known.physicalName : null;
      const isLeaf = element.properties === undefined;
      const column = physicalName ?? (isLeaf ? columnName(prefix + name, this.taken) : name);
      const custom = ((element.customProperties ?? []) as readonly Raw[]).filter(
        ({ property }) => property !== 'present',
      );
      const own = required && element.nullable ? [...custom, { property: 'present', value: true }] : custom;
      return {
        name,
        ...(column === name || (column === prefix + name && !physicalName) ? {} : { physicalName: column }),
        ...(required && !element.nullable ? { required: true } : {}),
        ...without(element, ['nullable', 'customProperties']),
        ...(own.length > 0 ? { customProperties: own } : {}),
      };
    });
  }

  /** What is said about one value; `nullable` goes to the field around it. */
  private element(shape: Shape, nodes: readonly SchemaNode[], path: readonly string[], prefix: string): Raw {
    if (this.open.has(shape) || path.length > DEPTH_MAX)
      throw new ContractError([
        { path: formatJsonPath(path), rule: 'contains itself, or is nested too deep: a contract lists all its fields' },
      ]);
    if (++this.elements > ELEMENTS_MAX)
      throw new ContractError([{ path: formatJsonPath(path), rule: `is beyond ${ELEMENTS_MAX} fields` }]);
    this.open.add(shape);
    const { doc, examples, odcs } = this.metaOf(nodes);
    const typed = this.typed(shape, nodes, path, prefix);
    this.open.delete(shape);
    return {
      ...restored(typed, odcs),
      nullable: shape.alternatives.some(({ nulls }) => nulls),
      ...(doc === '' ? {} : { description: doc }),
      ...(examples ? { examples } : {}),
    };
  }

  private typed(shape: Shape, nodes: readonly SchemaNode[], path: readonly string[], prefix: string): Raw {
    const parts = shape.alternatives.flatMap((alternative) =>
      typesOf(alternative).map((type) => ({ type, alternative })),
    );
    const types = new Set(parts.map(({ type }) => type));
    for (const keyword of new Set(shape.alternatives.flatMap(({ opaque }) => opaque.map((rule) => rule.keyword))))
      if (types.size < 5) this.lose(path, keyword, 'a contract has no such rule');
    if (types.size !== 1) {
      if (types.size === 0) this.lose(path, 'null alone', 'a contract has no such type: any value is taken');
      else if (types.size < 5 || parts.length > 5 || parts.some(({ alternative }) => alternative.values))
        this.lose(path, 'several types', 'a field of a contract has one type: any value is taken');
      return { logicalType: 'string', customProperties: [{ property: 'anyValue', value: true }] };
    }
    const [{ type }] = parts;
    if (parts.length > 1) this.lose(path, 'alternatives', ONE_FORM);
    const alternative = hull(parts.map((part) => part.alternative));
    const listed = alternative.values?.filter((value) => value !== null) ?? null;
    const quality = listed && isScalar(type) ? { quality: [allowedValues(listed)] } : {};
    if (listed && !isScalar(type)) this.lose(path, 'enum', 'a contract lists values of scalars only');
    const lose = (what: string, why: string): void => this.lose(path, what, why);
    switch (type) {
      case 'boolean':
        return { logicalType: 'boolean', ...quality };
      case 'number':
        return { ...numberElement(alternative, lose, this.wasNumber(nodes)), ...quality };
      case 'string':
        return { ...stringElement(alternative, lose, PATTERN_SUBJECT_CHARS_MAX), ...quality };
      case 'array':
        return this.array(alternative, nodes, path, prefix);
      default:
        return this.object(alternative, nodes, path, prefix);
    }
  }

  private wasNumber(nodes: readonly SchemaNode[]): boolean {
    const { odcs } = this.metaOf(nodes);
    return isRaw(odcs) && odcs.logicalType === 'number';
  }

  private array({ arrays }: Alternative, nodes: readonly SchemaNode[], path: readonly string[], prefix: string): Raw {
    if (!arrays) return {};
    if (arrays.prefix.length > 0) this.lose(path, 'prefixItems', 'elements of a list are alike in a contract');
    const below = nodes.flatMap((node) => this.inPlace(node)).flatMap((node) => node.items ?? []);
    const items =
      arrays.items && arrays.prefix.length === 0
        ? this.element(arrays.items(), below, [...path, '*'], `${prefix}_`)
        : null;
    const { min, max, unique } = arrays;
    const { nullable, ...element } = items ?? {};
    return {
      logicalType: 'array',
      ...options({
        minItems: min || undefined,
        maxItems: max === Infinity ? undefined : max,
        uniqueItems: unique || undefined,
      }),
      ...(items ? { items: { ...element, ...(nullable ? {} : { required: true }) } } : {}),
    };
  }

  private object({ objects }: Alternative, nodes: readonly SchemaNode[], path: readonly string[], prefix: string): Raw {
    if (!objects) return {};
    const { min, max } = objects;
    const properties = this.fields(objects, nodes, path, `${prefix}_`);
    return {
      logicalType: 'object',
      ...options({ minProperties: min || undefined, maxProperties: max === Infinity ? undefined : max }),
      ...(properties.length > 0 ? { properties } : {}),
    };
  }

  /** A node with all that stands at its place: what it refers to and is made of. */
  private inPlace(node: SchemaNode): readonly Readonly<SchemaKeywords>[] {
    if (typeof node === 'boolean') return [];
    const target = node.$ref ? [this.schema.defs[node.$ref.slice(DEFS.length)]] : [];
    return [
      node,
      ...[...target, ...(node.allOf ?? []), ...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((part) =>
        this.inPlace(part),
      ),
    ];
  }

  metaOf(nodes: readonly SchemaNode[]): { doc: string; examples: readonly unknown[] | null; odcs: unknown } {
    const all = nodes.flatMap((node) => this.inPlace(node));
    const examples = all.find((node) => Array.isArray(node.examples))?.examples;
    return {
      doc: all.find(({ description }) => description)?.description?.trim() ?? '',
      examples: (examples as readonly unknown[] | undefined) ?? null,
      odcs: all.find((node) => node[ODCS_KEY])?.[ODCS_KEY],
    };
  }
}

const ONE_FORM = 'a contract has one form for a value: it takes whatever one of them does, and more';

type Type = 'boolean' | 'number' | 'string' | 'array' | 'object';

function typesOf({ booleans, numbers, strings, arrays, objects, values }: Alternative): readonly Type[] {
  const types: Type[] = [];
  if (booleans.length > 0) types.push('boolean');
  if (numbers) types.push('number');
  if (strings) types.push('string');
  if (arrays) types.push('array');
  if (objects) types.push('object');
  if (!values) return types;
  const kinds = new Set(
    values.filter((value) => value !== null).map((value) => (Array.isArray(value) ? 'array' : typeof value)),
  );
  return types.filter((type) => kinds.has(type));
}

const isScalar = (type: Type): boolean => type !== 'array' && type !== 'object';

/** Options that are given, or nothing at all. */
export function options(given: Raw): Raw {
  const stated = Object.entries(given).filter(([, value]) => value !== undefined);
  return stated.length > 0 ? { logicalTypeOptions: Object.fromEntries(stated) } : {};
}
