import { type RawDifference, within } from '../compatibility/raw-difference';
import { compilePattern } from '../patterns/compile-pattern';
import { allowed, shapesOf } from './accepts';
import type { Comparison } from './compare';
import { objectWith, witness } from './samples';
import { ANY_SHAPE, type Objects, type Shape, STRINGS_ALL } from './shape';
import { wordsOf } from './words';

/** A name that stands for all that neither side lists. */
const OTHER_NAMES = ['other', 'other_1', 'x', 'X1', 'zzz'];

/** What a reader refuses of the objects that a writer may send. */
export function compareObjects(comparison: Comparison, reader: Objects, writer: Objects): readonly RawDifference[] {
  return [
    ...required(reader, writer),
    ...counts(reader, writer),
    ...fields(comparison, reader, writer),
    ...others(comparison, reader, writer),
  ];
}

function required(reader: Objects, writer: Objects): readonly RawDifference[] {
  return [...reader.fields].flatMap(([name, field]): RawDifference[] => {
    if (!field.required || writer.fields.get(name)?.required) return [];
    const known = writer.fields.has(name);
    return [
      {
        segments: [name],
        rule: 'field_required',
        writer: known ? `may leave out ${name}` : `does not know ${name}`,
        reader: 'requires it',
        mendReader: `Make ${name} optional${known ? '' : '; require it in a later version, when every producer sends it'}.`,
        mendWriter: known ? `Keep ${name} required.` : `Keep ${name}, required as it was.`,
        examples: function* () {
          const object = objectWith(writer, {});
          if (!object) return;
          const { [name]: _, ...without } = object;
          yield { value: without };
          yield { value: object };
        },
      },
    ];
  });
}

/** Fields that nobody lists do not count, unless there must be some. */
function counts(reader: Objects, writer: Objects): readonly RawDifference[] {
  const free =
    writer.others !== 'none' &&
    (writer.fields.size === 0 ||
      writer.min > writer.fields.size ||
      writer.matching.length > 0 ||
      typeof writer.others === 'function');
  const least = Math.max(writer.min, [...writer.fields.values()].filter((field) => field.required).length);
  const most = Math.min(writer.max, free ? Infinity : writer.fields.size);
  const differences: RawDifference[] = [];
  const add = (count: number, sends: string, takes: string, keep: string, mendWriter: string): void => {
    const object = objectWith({ ...writer, min: Math.max(writer.min, count) }, {});
    if (object === null && count > 10_000 && most === Infinity) return;
    differences.push({
      segments: [],
      rule: 'length_narrowed',
      writer: sends,
      reader: takes,
      mendReader: keep,
      mendWriter,
      examples: () => (object ? [{ value: object }] : []),
    });
  };
  if (least < reader.min)
    add(
      least,
      `may send an object of fewer than ${reader.min} fields`,
      `takes ${reader.min} fields or more`,
      `Leave the least number of fields at ${writer.min}.`,
      `Keep the least number of fields at ${reader.min}.`,
    );
  if (most > reader.max)
    add(
      reader.max + 1,
      `may send an object of more than ${reader.max} fields`,
      `takes ${reader.max} fields or fewer`,
      `Leave the greatest number of fields ${writer.max === Infinity ? 'out' : `at ${writer.max}`}.`,
      `Keep the greatest number of fields at ${reader.max}.`,
    );
  return differences;
}

function fields(comparison: Comparison, reader: Objects, writer: Objects): readonly RawDifference[] {
  return [...new Set([...writer.fields.keys(), ...reader.fields.keys()])].flatMap((name): RawDifference[] => {
    const theirs = writer.fields.get(name)?.shape() ?? undeclared(writer, name);
    // Not sent, or nothing is said about it: see compareShapes.
    if (!theirs) return [];
    if (!allowed(reader, name)) {
      const value = witness(theirs);
      if (!value && !writer.fields.get(name)?.required) return [];
      return [refusedField(name, writer, value ? [value.value] : [])];
    }
    return shapesOf(reader, name).flatMap((shape) =>
      comparison.compare(shape(), theirs).map((difference) =>
        within(difference, name, (value) => {
          const object = objectWith(writer, { [name]: value });
          return object && { value: object };
        }),
      ),
    );
  });
}

/** What a writer says about a field that it does not list. */
function undeclared(writer: Objects, name: string): Shape | null {
  if (!allowed(writer, name)) return null;
  const [shape] = shapesOf(writer, name);
  if (shape) return shape();
  // An object without fields of its own is sent with any.
  return writer.fields.size === 0 && writer.matching.length === 0 && writer.max > 0 ? ANY_SHAPE : null;
}

/** Fields that neither side lists. */
function others(comparison: Comparison, reader: Objects, writer: Objects): readonly RawDifference[] {
  if (writer.max === 0 || reader.others === 'any') return matched(comparison, reader, writer);
  const found = [...matched(comparison, reader, writer)];
  if (writer.others === 'none') return found;
  const name = OTHER_NAMES.find((n) => isOther(reader, n) && isOther(writer, n));
  if (name === undefined) return found;
  const theirs = typeof writer.others === 'function' ? writer.others() : ANY_SHAPE;
  if (reader.others === 'none') {
    const value = theirs === ANY_SHAPE ? { value: 'a' } : witness(theirs);
    if (value) found.push({ ...refusedField(name, writer, [value.value]), segments: [] });
    return found;
  }
  for (const difference of comparison.compare(reader.others(), theirs))
    found.push(
      within(difference, null, (value) => {
        const object = objectWith(writer, { [name]: value });
        return object && { value: object };
      }),
    );
  return found;
}

const isOther = (objects: Objects, name: string): boolean =>
  !objects.fields.has(name) && !objects.matching.some(({ pattern }) => compilePattern(pattern).test(name));

/** Fields told by their names' pattern: a pattern of one side that the other has not is tried on fields of that name. */
function matched(comparison: Comparison, reader: Objects, writer: Objects): readonly RawDifference[] {
  const found: RawDifference[] = [];
  for (const { pattern, shape } of reader.matching) {
    const same = writer.matching.find((other) => other.pattern === pattern);
    const theirs = same ? same.shape() : typeof writer.others === 'function' ? writer.others() : null;
    if (!theirs) continue;
    for (const difference of comparison.compare(shape(), theirs))
      found.push(within(difference, null, named(pattern, writer)));
  }
  for (const { pattern, shape } of writer.matching) {
    if (reader.matching.some((other) => other.pattern === pattern) || reader.others === 'any') continue;
    if (reader.others === 'none') {
      const value = witness(shape());
      const build = named(pattern, writer);
      if (value)
        found.push({
          ...refusedField(`that matches ${pattern}`, writer, []),
          segments: [],
          examples: () => [build(value.value)].filter((example) => example !== null),
        });
      continue;
    }
    for (const difference of comparison.compare(reader.others(), shape()))
      found.push(within(difference, null, named(pattern, writer)));
  }
  return found;
}

const named = (pattern: string, writer: Objects) => (value: unknown) => {
  const name = firstMatch(pattern);
  const object = name === null ? null : objectWith(writer, { [name]: value });
  return object && { value: object };
};

function firstMatch(pattern: string): string | null {
  for (const text of wordsOf({ ...STRINGS_ALL, patterns: [pattern] })) return text;
  return null;
}

function refusedField(name: string, writer: Objects, values: readonly unknown[]): RawDifference {
  return {
    segments: [name],
    rule: 'field_refused',
    writer: `may send a field ${name}`,
    reader: 'allows no such field',
    mendReader: `Keep ${name} among the fields, or allow other fields.`,
    mendWriter: `Leave ${name} out, or let the readers allow it in a version of its own first.`,
    examples: () =>
      values
        .map((value) => objectWith(writer, { [name]: value }))
        .flatMap((object) => (object ? [{ value: object }] : [])),
  };
}
