import { type Example, interleave } from '../compatibility/raw-difference';
import { acceptsIn } from './accepts';
import type { Alternative, Arrays, Objects, Shape, Strings } from './shape';
import { numbersOf } from './steps';
import { wordsOf } from './words';

/** Longer texts make no example that a person would read. */
const TEXT_CHARS_MAX = 100_000;
const ITEMS_MAX = 10_000;

const witnesses = new WeakMap<Shape, Example | null>();

/** A small value that a shape lets through; null where none was found. */
export function witness(shape: Shape): Example | null {
  const known = witnesses.get(shape);
  if (known !== undefined) return known;
  // A shape that is needed to make a value of itself has none by that way.
  witnesses.set(shape, null);
  for (const value of samples(shape)) {
    const found = { value };
    witnesses.set(shape, found);
    return found;
  }
  return null;
}

/** Values that a shape lets through, small and ordinary ones first; opaque rules aside. */
export function* samples(shape: Shape): Generator<unknown> {
  for (const alternative of shape.alternatives) yield* samplesIn(alternative);
}

export function* samplesIn(alternative: Alternative): Generator<unknown> {
  const { values, strings, numbers, booleans, objects, arrays } = alternative;
  if (values) {
    for (const value of values) if (acceptsIn(alternative, value)) yield value;
    return;
  }
  yield* interleave<unknown>([
    objects ? objectsOf(objects) : null,
    strings ? textsOf(strings) : null,
    numbers ? numbersOf(numbers) : null,
    booleans,
    arrays ? arraysOf(arrays) : null,
    alternative.nulls ? [null] : null,
  ]);
}

export function* textsOf(strings: Strings): Generator<string> {
  if (strings.min > TEXT_CHARS_MAX) return;
  yield* wordsOf(strings);
}

function* arraysOf(arrays: Arrays): Generator<unknown[]> {
  if (arrays.min > arrays.max) return;
  for (const extra of [0, 1, 2]) {
    const list = arrayOf(arrays, Math.min(arrays.min + extra, arrays.max));
    if (list && (extra === 0 || list.length > arrays.min + extra - 1)) yield list;
  }
}

/** A list of so many elements; distinct ones where the shape wants them so. */
export function arrayOf({ prefix, items, unique }: Arrays, length: number): unknown[] | null {
  if (length > ITEMS_MAX) return null;
  const list: unknown[] = [];
  const seen = new Set<string>();
  const add = (value: unknown): boolean => {
    const text = JSON.stringify(value);
    if (unique && seen.has(text)) return false;
    seen.add(text);
    list.push(value);
    return true;
  };
  for (const shape of prefix.slice(0, length)) {
    const before = list.length;
    for (const value of unique ? samples(shape()) : some(witness(shape()))) if (add(value)) break;
    if (list.length === before) return null;
  }
  while (list.length < length) {
    const before = list.length;
    const source = items === null ? naturals() : unique ? samples(items()) : some(witness(items()));
    for (const value of source) if (add(value) && (!unique || list.length === length)) break;
    if (list.length === before) return null;
  }
  return list;
}

const some = (example: Example | null): unknown[] => (example ? [example.value] : []);

function* naturals(): Generator<number> {
  for (let i = 0; ; i++) yield i;
}

function* objectsOf(objects: Objects): Generator<Record<string, unknown>> {
  const least = objectWith(objects, {});
  if (!least) return;
  yield least;
  const all = { ...least };
  for (const [name, { shape, required }] of objects.fields) {
    if (required || Object.keys(all).length >= objects.max) continue;
    const value = witness(shape());
    if (value) all[name] = value.value;
  }
  if (Object.keys(all).length > Object.keys(least).length) yield all;
  for (const [name, { shape }] of objects.fields) {
    let tried = 0;
    for (const value of samples(shape())) {
      if (tried++ > 3) break;
      const object = objectWith(objects, { [name]: value });
      if (object) yield object;
    }
  }
}

/** A small object with the given fields in it; null where none was found. */
export function objectWith(objects: Objects, given: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  const object: Record<string, unknown> = {};
  for (const [name, { shape, required }] of objects.fields) {
    if (Object.hasOwn(given, name)) object[name] = given[name];
    else if (required) {
      const value = witness(shape());
      if (!value) return null;
      object[name] = value.value;
    }
  }
  Object.assign(object, given);
  if (!fill(objects, object)) return null;
  const count = Object.keys(object).length;
  return count >= objects.min && count <= objects.max ? object : null;
}

/** Adds optional and then other fields until there are as many as there must be. */
function fill(objects: Objects, object: Record<string, unknown>): boolean {
  const missing = (): boolean => Object.keys(object).length < objects.min;
  for (const [name, { shape }] of objects.fields) {
    if (!missing()) return true;
    if (Object.hasOwn(object, name)) continue;
    const value = witness(shape());
    if (value) object[name] = value.value;
  }
  if (objects.min > ITEMS_MAX) return false;
  for (let i = 1; missing(); i++) {
    if (objects.others === 'none' || i > objects.min * 2) return false;
    const name = `other_${i}`;
    if (objects.fields.has(name)) continue;
    const value = typeof objects.others === 'function' ? witness(objects.others()) : { value: i };
    if (!value) return false;
    object[name] = value.value;
  }
  return true;
}
