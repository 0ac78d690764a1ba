import { isDeepStrictEqual } from 'node:util';
import {
  type Alternative,
  ANY_SHAPE,
  type Arrays,
  type FieldShape,
  type LazyShape,
  type Numbers,
  type Objects,
  type Shape,
  type Strings,
} from './shape';

/**
 * One alternative that lets through whatever any of these does, and little more: what is said by all of them, of which
 * rules that cannot be compared stay where they are the same. For formats that have one form for a value.
 *
 * @param alternatives one at least
 */
export function hull(alternatives: readonly Alternative[]): Alternative {
  const [first, ...others] = alternatives;
  return others.reduce(either, first);
}

function either(a: Alternative, b: Alternative): Alternative {
  return {
    nulls: a.nulls || b.nulls,
    booleans: [...new Set([...a.booleans, ...b.booleans])],
    numbers: a.numbers && b.numbers ? eitherNumbers(a.numbers, b.numbers) : (a.numbers ?? b.numbers),
    strings: a.strings && b.strings ? eitherStrings(a.strings, b.strings) : (a.strings ?? b.strings),
    arrays: a.arrays && b.arrays ? eitherArrays(a.arrays, b.arrays) : (a.arrays ?? b.arrays),
    objects: a.objects && b.objects ? eitherObjects(a.objects, b.objects) : (a.objects ?? b.objects),
    values: a.values && b.values && union(a.values, b.values),
    opaque: common(a.opaque, b.opaque),
  };
}

const common = <T>(a: readonly T[], b: readonly T[]): readonly T[] =>
  a.filter((x) => b.some((y) => isDeepStrictEqual(x, y)));

const union = (a: readonly unknown[], b: readonly unknown[]): readonly unknown[] => [
  ...a,
  ...b.filter((y) => !a.some((x) => isDeepStrictEqual(x, y))),
];

const eitherNumbers = (a: Numbers, b: Numbers): Numbers => ({
  least: Math.min(a.least, b.least),
  most: Math.max(a.most, b.most),
  steps: common(a.steps, b.steps),
});

const eitherStrings = (a: Strings, b: Strings): Strings => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
  patterns: common(a.patterns, b.patterns),
  formats: common(a.formats, b.formats),
  between: common(a.between, b.between),
});

function eitherArrays(a: Arrays, b: Arrays): Arrays {
  const [min, max] = [Math.min(a.min, b.min), Math.max(a.max, b.max)];
  const unique = a.unique && b.unique;
  // Where positions differ, an element is one of those that may stand anywhere.
  const elements = [a, b].flatMap(({ prefix, items }) => [...prefix, items]);
  if (elements.some((element) => element === null)) return { min, max, unique, prefix: [], items: null };
  return { min, max, unique, prefix: [], items: anyOf(elements as readonly LazyShape[]) };
}

function eitherObjects(a: Objects, b: Objects): Objects {
  const fields = new Map<string, FieldShape>();
  for (const name of new Set([...a.fields.keys(), ...b.fields.keys()])) {
    const [one, other] = [a.fields.get(name), b.fields.get(name)];
    const shapes = [...shapeOf(a, one), ...shapeOf(b, other)];
    fields.set(name, {
      shape: shapes.includes(ANYTHING) ? ANYTHING : anyOf(shapes),
      required: Boolean(one?.required && other?.required),
    });
  }
  const named = a.matching.length > 0 || b.matching.length > 0;
  const closed = a.others === 'none' && b.others === 'none' && !named;
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    fields,
    matching: [],
    others: closed ? 'none' : 'any',
  };
}

const ANYTHING: LazyShape = () => ANY_SHAPE;

/** What an object may have in a field; nothing where it may not have the field. */
function shapeOf({ others, matching }: Objects, field: FieldShape | undefined): readonly LazyShape[] {
  if (field) return [field.shape];
  if (matching.length > 0 || others === 'any') return [ANYTHING];
  return others === 'none' ? [] : [others];
}

/** Made once, so that a shape that contains itself is known again. */
function anyOf(shapes: readonly LazyShape[]): LazyShape {
  let made: Shape | undefined;
  return () => (made ??= { alternatives: shapes.flatMap((shape) => shape().alternatives) });
}
