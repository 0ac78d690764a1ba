import { isDeepStrictEqual } from 'node:util';
import { acceptsIn, allowed } from './accepts';
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

const known = new WeakMap<Shape, WeakMap<Shape, Shape>>();

/** What both let through; null where that is nothing. */
export function intersect(a: Alternative, b: Alternative): Alternative | null {
  const opaque = [...a.opaque, ...b.opaque];
  const objects = a.objects && b.objects && bothObjects(a.objects, b.objects);
  const both: Alternative = {
    nulls: a.nulls && b.nulls,
    booleans: a.booleans.filter((value) => b.booleans.includes(value)),
    numbers: a.numbers && b.numbers && bothNumbers(a.numbers, b.numbers),
    strings: a.strings && b.strings && bothStrings(a.strings, b.strings),
    arrays: a.arrays && b.arrays && bothArrays(a.arrays, b.arrays),
    objects,
    values:
      a.values && b.values
        ? a.values.filter((v) => b.values?.some((w) => isDeepStrictEqual(v, w)))
        : (a.values ?? b.values),
    opaque,
  };
  if (both.values) {
    const values = both.values.filter((value) => acceptsIn({ ...both, values: null }, value));
    return values.length > 0 ? { ...both, values } : null;
  }
  const nothing =
    !both.nulls && both.booleans.length === 0 && !both.numbers && !both.strings && !both.arrays && !both.objects;
  return nothing ? null : both;
}

function bothNumbers(a: Numbers, b: Numbers): Numbers | null {
  const [least, most] = [Math.max(a.least, b.least), Math.min(a.most, b.most)];
  return least > most ? null : { least, most, steps: [...a.steps, ...b.steps] };
}

function bothStrings(a: Strings, b: Strings): Strings | null {
  const [min, max] = [Math.max(a.min, b.min), Math.min(a.max, b.max)];
  if (min > max) return null;
  return {
    min,
    max,
    patterns: [...new Set([...a.patterns, ...b.patterns])],
    formats: [...new Set([...a.formats, ...b.formats])],
    between: [...a.between, ...b.between],
  };
}

function bothArrays(a: Arrays, b: Arrays): Arrays | null {
  const [min, max] = [Math.max(a.min, b.min), Math.min(a.max, b.max)];
  if (min > max) return null;
  const length = Math.max(a.prefix.length, b.prefix.length);
  return {
    min,
    max,
    unique: a.unique || b.unique,
    prefix: Array.from({ length }, (_, i) => both(a.prefix[i] ?? a.items, b.prefix[i] ?? b.items) ?? (() => ANY_SHAPE)),
    items: both(a.items, b.items),
  };
}

function bothObjects(a: Objects, b: Objects): Objects | null {
  const fields = new Map<string, FieldShape>();
  for (const name of new Set([...a.fields.keys(), ...b.fields.keys()])) {
    const required = Boolean(a.fields.get(name)?.required || b.fields.get(name)?.required);
    const shape = both(fieldOf(a, name), fieldOf(b, name)) ?? (() => ANY_SHAPE);
    const refused = !allowed(a, name) || !allowed(b, name);
    if (refused && required) return null;
    fields.set(name, { shape: refused ? () => NEVER : shape, required });
  }
  return {
    min: Math.max(a.min, b.min),
    max: Math.min(a.max, b.max),
    fields,
    matching: [...a.matching, ...b.matching],
    others: a.others === 'none' || b.others === 'none' ? 'none' : (both(rest(a), rest(b)) ?? 'any'),
  };
}

const NEVER: Shape = { alternatives: [] };

const rest = ({ others }: Objects): LazyShape | null => (typeof others === 'function' ? others : null);

/** Patterns are kept beside the fields and go on speaking about them. */
const fieldOf = (objects: Objects, name: string): LazyShape | null =>
  objects.fields.get(name)?.shape ?? (objects.matching.length > 0 ? null : rest(objects));

/** Null: anything. */
function both(a: LazyShape | null, b: LazyShape | null): LazyShape | null {
  if (!a || !b) return a ?? b;
  return () => bothShapes(a(), b());
}

function bothShapes(a: Shape, b: Shape): Shape {
  if (a === b || b === ANY_SHAPE) return a;
  if (a === ANY_SHAPE) return b;
  const row = known.get(a) ?? new WeakMap<Shape, Shape>();
  known.set(a, row);
  let shape = row.get(b);
  if (!shape) {
    shape = { alternatives: a.alternatives.flatMap((x) => b.alternatives.flatMap((y) => intersect(x, y) ?? [])) };
    row.set(b, shape);
  }
  return shape;
}
