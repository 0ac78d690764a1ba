import { isDeepStrictEqual } from 'node:util';
import { canonicalize } from '@millrace/envelope';
import { intersect } from '../shapes/intersect';
import {
  type Alternative,
  ANY_SHAPE,
  ANYTHING,
  type FieldShape,
  NOTHING,
  type Numbers,
  NUMBERS_ALL,
  type OpaqueRule,
  type Shape,
} from '../shapes/shape';
import { nextDouble } from '../shapes/steps';
import { DEFS, type JsonSchema, type SchemaKeywords, type SchemaNode } from './schema';
import { ofEach, saidBy } from './without-annotations';

/** More alternatives than this are not taken apart. */
const ALTERNATIVES_MAX = 128;

/** The values that a schema lets through. */
export const jsonSchemaShape = (schema: JsonSchema): Shape => new Shapes(schema).of(schema.root);

const NEVER: Shape = { alternatives: [] };

/** Shapes of a schema's nodes, each made once. */
export class Shapes {
  private readonly made = new Map<SchemaNode, Shape>();

  constructor(private readonly schema: JsonSchema) {}

  of(node: SchemaNode): Shape {
    if (typeof node === 'boolean') return node ? ANY_SHAPE : NEVER;
    let shape = this.made.get(node);
    if (!shape) {
      shape = { alternatives: this.alternatives(node) };
      this.made.set(node, shape);
    }
    return shape;
  }

  private alternatives(node: Readonly<SchemaKeywords>): readonly Alternative[] {
    let all: readonly Alternative[] = [this.plain(node)];
    const and = (shape: Shape): void => {
      all = all.flatMap((a) => shape.alternatives.flatMap((b) => intersect(a, b) ?? []));
    };
    if (node.$ref) and(this.of(this.schema.defs[node.$ref.slice(DEFS.length)]));
    for (const part of node.allOf ?? []) and(this.of(part));
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      const parts = node[keyword];
      if (!parts) continue;
      const shapes = parts.map((part) => this.of(part));
      const either = shapes.flatMap(({ alternatives }) => alternatives);
      if (all.length * either.length > ALTERNATIVES_MAX) {
        all = all.map((a) => ({ ...a, opaque: [...a.opaque, this.rule(keyword, parts)] }));
        continue;
      }
      const exclusive = keyword === 'anyOf' || areDisjoint(shapes, all);
      and({
        alternatives: exclusive
          ? either
          : either.map((a) => ({ ...a, opaque: [...a.opaque, this.rule(keyword, parts)] })),
      });
    }
    return all;
  }

  /** What the keywords say by themselves, without those that join schemas at one place. */
  private plain(node: Readonly<SchemaKeywords>): Alternative {
    const types = new Set(node.type ?? ['null', 'boolean', 'number', 'string', 'array', 'object']);
    const values =
      'const' in node
        ? [node.const].filter((v) => !node.enum || node.enum.some((e) => isDeepStrictEqual(e, v)))
        : (node.enum ?? null);
    return {
      ...NOTHING,
      nulls: types.has('null'),
      booleans: types.has('boolean') ? ANYTHING.booleans : [],
      numbers: types.has('number') || types.has('integer') ? numbers(node, !types.has('number')) : null,
      strings: types.has('string')
        ? {
            min: node.minLength ?? 0,
            max: node.maxLength ?? Infinity,
            patterns: node.pattern === undefined ? [] : [node.pattern],
            formats: node.format === undefined ? [] : [node.format],
            between: [],
          }
        : null,
      arrays: types.has('array') ? this.arrays(node) : null,
      objects: types.has('object') ? this.objects(node) : null,
      values,
      opaque: this.opaque(node),
    };
  }

  private arrays(node: Readonly<SchemaKeywords>): NonNullable<Alternative['arrays']> {
    const prefix = (node.prefixItems ?? []).map((item) => () => this.of(item));
    const { items } = node;
    const ends = items === false ? prefix.length : Infinity;
    return {
      min: node.minItems ?? 0,
      max: Math.min(node.maxItems ?? Infinity, ends),
      unique: node.uniqueItems ?? false,
      prefix,
      items: items === undefined || typeof items === 'boolean' ? null : () => this.of(items),
    };
  }

  private objects(node: Readonly<SchemaKeywords>): NonNullable<Alternative['objects']> {
    const required = new Set(node.required);
    const fields = new Map(
      Object.entries(node.properties ?? {}).map(([name, field]): [string, FieldShape] => [
        name,
        { shape: () => this.of(field), required: required.has(name) },
      ]),
    );
    const others = node.additionalProperties ?? true;
    for (const name of required)
      if (!fields.has(name)) fields.set(name, { shape: () => this.of(others), required: true });
    return {
      min: node.minProperties ?? 0,
      max: node.maxProperties ?? Infinity,
      fields,
      matching: Object.entries(node.patternProperties ?? {}).map(([pattern, shape]) => ({
        pattern,
        shape: () => this.of(shape),
      })),
      others: others === true ? 'any' : others === false ? 'none' : () => this.of(others),
    };
  }

  private opaque(node: Readonly<SchemaKeywords>): readonly OpaqueRule[] {
    const rules: OpaqueRule[] = [];
    const add = (keyword: string, value: unknown): void => {
      if (value !== undefined) rules.push(this.rule(keyword, value));
    };
    add('not', node.not);
    if (node.if !== undefined) add('if', { if: node.if, then: node.then, else: node.else });
    if (node.contains !== undefined)
      add('contains', { contains: node.contains, min: node.minContains, max: node.maxContains });
    add('propertyNames', node.propertyNames);
    add('dependentRequired', node.dependentRequired);
    add('dependentSchemas', node.dependentSchemas);
    // What counts as unevaluated depends on all that stands beside it.
    if (node.unevaluatedItems !== undefined) add('unevaluatedItems', node);
    if (node.unevaluatedProperties !== undefined) add('unevaluatedProperties', node);
    return rules;
  }

  /** Equal texts say the same: what is referred to belongs to them. */
  private rule(keyword: string, value: unknown): OpaqueRule {
    const text = JSON.stringify(saidBy(keyword, value));
    const defs = text.includes(`"${DEFS}`) ? canonicalize(ofEach(this.schema.defs)) : '';
    return { keyword, text: canonicalize(JSON.parse(text)) + defs };
  }
}

function numbers(node: Readonly<SchemaKeywords>, whole: boolean): Numbers {
  let { least, most } = NUMBERS_ALL;
  least = Math.max(least, node.minimum ?? least);
  most = Math.min(most, node.maximum ?? most);
  if (node.exclusiveMinimum !== undefined) least = Math.max(least, nextDouble(node.exclusiveMinimum, true));
  if (node.exclusiveMaximum !== undefined) most = Math.min(most, nextDouble(node.exclusiveMaximum, false));
  const steps = [...(whole ? [{ of: 1 }] : []), ...(node.multipleOf === undefined ? [] : [{ of: node.multipleOf }])];
  return { least, most, steps };
}

/**
 * Of alternatives that share no value, one at least and one exactly are the same.
 *
 * @param among the values that the rules beside them leave
 */
function areDisjoint(shapes: readonly Shape[], among: readonly Alternative[]): boolean {
  const within = shapes.map(({ alternatives }) =>
    among.flatMap((base) => alternatives.flatMap((alternative) => intersect(base, alternative) ?? [])),
  );
  return within.every((a, i) =>
    within.slice(i + 1).every((b) => a.every((x) => b.every((y) => isEmpty(intersect(x, y))))),
  );
}

function isEmpty(alternative: Alternative | null): boolean {
  if (!alternative) return true;
  if (alternative.values) return alternative.values.length === 0;
  const { nulls, booleans, numbers: n, strings, arrays, objects } = alternative;
  if (nulls || booleans.length > 0 || arrays) return false;
  if (n && n.least <= n.most) return false;
  if (strings && strings.min <= strings.max) return false;
  // A field that both require, of values that they do not share: how tagged unions are told apart.
  return (
    objects === null ||
    [...objects.fields.values()].some(({ required, shape }) => required && shape().alternatives.every(isEmpty))
  );
}
