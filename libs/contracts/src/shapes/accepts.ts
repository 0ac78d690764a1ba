import { isDeepStrictEqual } from 'node:util';
import { areDistinct } from '../distinct-items';
import { compilePattern } from '../patterns/compile-pattern';
import { betweenCheck } from '../temporal';
import { SHAPE_FORMATS } from './formats';
import type { Alternative, Arrays, Objects, Shape, Strings } from './shape';
import { inNumbers } from './steps';

/**
 * Whether a shape lets a value through, opaque rules aside. Only for looking for examples: the verdict about an example
 * is always that of the compiled validators.
 */
export const accepts = (shape: Shape, value: unknown): boolean =>
  shape.alternatives.some((alternative) => acceptsIn(alternative, value));

export function acceptsIn(alternative: Alternative, value: unknown): boolean {
  if (alternative.values && !alternative.values.some((allowed) => isDeepStrictEqual(allowed, value))) return false;
  switch (typeof value) {
    case 'boolean':
      return alternative.booleans.includes(value);
    case 'number':
      return alternative.numbers !== null && inNumbers(value, alternative.numbers);
    case 'string':
      return alternative.strings !== null && inStrings(value, alternative.strings);
  }
  if (value === null) return alternative.nulls;
  if (Array.isArray(value)) return alternative.arrays !== null && inArrays(value, alternative.arrays);
  return alternative.objects !== null && inObjects(value as Record<string, unknown>, alternative.objects);
}

export function inStrings(text: string, strings: Strings): boolean {
  if (strings.min > 0 || strings.max < Infinity) {
    const length = lengthOf(text);
    if (length < strings.min || length > strings.max) return false;
  }
  return (
    strings.formats.every((format) => SHAPE_FORMATS[format](text)) &&
    strings.between.every((bounds) => betweenCheck(bounds)(text)) &&
    strings.patterns.every((pattern) => compilePattern(pattern).test(text))
  );
}

/** In code points, as JSON Schema counts. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

function inArrays(list: readonly unknown[], { min, max, unique, prefix, items }: Arrays): boolean {
  if (list.length < min || list.length > max) return false;
  if (unique && !areDistinct(list)) return false;
  return list.every((value, i) => {
    const shape = prefix[i] ?? items;
    return shape === null || accepts(shape(), value);
  });
}

function inObjects(value: Readonly<Record<string, unknown>>, objects: Objects): boolean {
  const names = Object.keys(value);
  if (names.length < objects.min || names.length > objects.max) return false;
  for (const [name, { required }] of objects.fields) if (required && !Object.hasOwn(value, name)) return false;
  return names.every(
    (name) => shapesOf(objects, name).every((shape) => accepts(shape(), value[name])) && allowed(objects, name),
  );
}

/** What is said about a field of this name. */
export function shapesOf(objects: Objects, name: string): readonly (() => Shape)[] {
  const field = objects.fields.get(name);
  const matching = objects.matching
    .filter(({ pattern }) => compilePattern(pattern).test(name))
    .map(({ shape }) => shape);
  if (field) return [field.shape, ...matching];
  if (matching.length > 0) return matching;
  return typeof objects.others === 'function' ? [objects.others] : [];
}

export const allowed = (objects: Objects, name: string): boolean =>
  objects.others !== 'none' ||
  objects.fields.has(name) ||
  objects.matching.some(({ pattern }) => compilePattern(pattern).test(name));
