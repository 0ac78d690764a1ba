import { type Example, interleave, type RawDifference, REPEATED, withoutTwins } from '../compatibility/raw-difference';
import { accepts, acceptsIn } from './accepts';
import { compareArrays } from './compare-arrays';
import { compareNumbers } from './compare-numbers';
import { compareObjects } from './compare-objects';
import { compareStrings, textsBeyond } from './compare-strings';
import { intersect } from './intersect';
import { samplesIn } from './samples';
import { type Alternative, NOTHING, type Shape } from './shape';

/**
 * What a reader refuses of the values that a writer may send; nothing where it takes all of them.
 *
 * A field that the reader lists and the writer does not, on an object whose other fields are free, counts as not sent:
 * else no field could ever be added. A writer that says something about its other fields is held to it.
 */
export function compareShapes(reader: Shape, writer: Shape): readonly RawDifference[] {
  // The greatest fixed point: a pair that meets itself again is taken for compatible until it is refuted.
  const refuted = new Map<Shape, Set<Shape>>();
  for (;;) {
    const comparison = new Comparison(refuted);
    const found = comparison.compare(reader, writer);
    if (!comparison.refutedMore) return withoutTwins(found.filter(({ repeated }) => !repeated));
  }
}

export class Comparison {
  refutedMore = false;
  private readonly known = new Map<Shape, Map<Shape, readonly RawDifference[]>>();

  constructor(private readonly refuted: Map<Shape, Set<Shape>>) {}

  compare(reader: Shape, writer: Shape): readonly RawDifference[] {
    if (reader === writer) return [];
    const known = this.known.get(reader) ?? new Map<Shape, readonly RawDifference[]>();
    this.known.set(reader, known);
    const before = known.get(writer);
    if (before) return before;
    const isRefuted = this.refuted.get(reader)?.has(writer) ?? false;
    known.set(writer, isRefuted ? [REPEATED] : []);
    const found = writer.alternatives.flatMap((alternative) => this.alternative(reader, alternative));
    known.set(writer, found);
    if (found.length > 0 && !isRefuted) {
      this.refuted.set(reader, (this.refuted.get(reader) ?? new Set()).add(writer));
      this.refutedMore = true;
    }
    return found;
  }

  private alternative(reader: Shape, writer: Alternative): readonly RawDifference[] {
    if (writer.values) return listed(reader, writer, writer.values);
    const missing: RawDifference[] = [];
    const found = partsOf(writer).flatMap((part) => {
      let closest: readonly RawDifference[] | null = null;
      for (const candidate of reader.alternatives) {
        const differences = this.part(candidate, part);
        if (differences?.length === 0) return [];
        if (differences && (closest === null || differences.length < closest.length)) closest = differences;
      }
      if (closest) return reader.alternatives.length > 1 ? closest.map((d) => broadened(d, reader, part.of)) : closest;
      missing.push(part.name === 'null' ? nullRefused() : typeRefused(reader, part));
      return [];
    });
    return [...merged(missing), ...withoutTwins(found)];
  }

  /** Null where the reader's alternative has nothing of this type. */
  private part(reader: Alternative, { of, name }: Part): readonly RawDifference[] | null {
    const differences = this.typed(reader, of, name);
    if (!differences) return null;
    return [...differences, ...values(reader, of, name), ...opaque(reader, of)];
  }

  private typed(reader: Alternative, writer: Alternative, name: PartName): readonly RawDifference[] | null {
    switch (name) {
      case 'null':
        return reader.nulls ? [] : null;
      case 'boolean':
        return writer.booleans.every((value) => reader.booleans.includes(value)) ? [] : null;
      case 'number':
        return reader.numbers && writer.numbers && compareNumbers(reader.numbers, writer.numbers);
      case 'string':
        return reader.strings && writer.strings && compareStrings(reader.strings, writer.strings);
      case 'list':
        return reader.arrays && writer.arrays && compareArrays(this, reader.arrays, writer.arrays);
      case 'object':
        return reader.objects && writer.objects && compareObjects(this, reader.objects, writer.objects);
    }
  }
}

type PartName = 'null' | 'boolean' | 'number' | 'string' | 'list' | 'object';

interface Part {
  readonly name: PartName;
  readonly of: Alternative;
}

function partsOf(alternative: Alternative): readonly Part[] {
  const { nulls, booleans, numbers, strings, arrays, objects, opaque: rules } = alternative;
  const parts: Part[] = [];
  const bare = { ...NOTHING, opaque: rules };
  if (nulls) parts.push({ name: 'null', of: { ...bare, nulls } });
  if (booleans.length > 0) parts.push({ name: 'boolean', of: { ...bare, booleans } });
  if (numbers) parts.push({ name: 'number', of: { ...bare, numbers } });
  if (strings) parts.push({ name: 'string', of: { ...bare, strings } });
  if (arrays) parts.push({ name: 'list', of: { ...bare, arrays } });
  if (objects) parts.push({ name: 'object', of: { ...bare, objects } });
  return parts;
}

const LISTED_MAX = 20;

/** A writer whose values are listed is compared value by value. */
function listed(reader: Shape, writer: Alternative, all: readonly unknown[]): readonly RawDifference[] {
  const bad = all.filter((value) => acceptsIn(writer, value) && !accepts(reader, value));
  const unknown = reader.alternatives.flatMap((alternative) => opaque(alternative, writer));
  if (bad.length === 0) return reader.alternatives.some((a) => opaque(a, writer).length === 0) ? [] : unknown;
  const text = shown(bad);
  return [
    {
      segments: [],
      rule: bad.length === 1 && bad[0] === null ? 'null_refused' : 'value_refused',
      writer: `may send ${text}`,
      reader: `does not take ${bad.length === 1 ? 'this value' : 'these values'}`,
      mendReader: `Keep ${text} among the values.`,
      mendWriter: `Let the readers know ${text} in a version of its own first; send it in the next.`,
      examples: () => bad.map((value) => ({ value })),
    },
  ];
}

function shown(values: readonly unknown[]): string {
  const list = values.slice(0, LISTED_MAX).map((value) => JSON.stringify(value));
  return list.join(', ') + (values.length > LISTED_MAX ? ` and ${values.length - LISTED_MAX} others` : '');
}

/** A reader whose values are listed, against a writer who has more than that. */
function values(reader: Alternative, writer: Alternative, name: PartName): readonly RawDifference[] {
  const list = reader.values;
  if (!list) return [];
  let examples: Iterable<Example> | null = null;
  if (writer.strings && name === 'string') {
    const beyond = textsBeyond(list, writer.strings);
    if (beyond.all) return [];
    examples = beyond.examples;
  } else {
    const { outside, ended } = outsideOf(list, writer);
    if (ended && outside.length === 0 && name !== 'list' && name !== 'object') return [];
    examples = outside.map((value) => ({ value }));
  }
  const found = examples;
  return [
    {
      segments: [],
      rule: 'value_refused',
      writer: `may send any ${name}${name === 'string' ? ' of its length and form' : ''}`,
      reader: `takes ${shown(list)} only`,
      mendReader: 'Leave the list of values out, or extend it to all that is sent.',
      mendWriter: `Keep to the values ${shown(list)}.`,
      examples: () => found,
    },
  ];
}

function outsideOf(list: readonly unknown[], writer: Alternative): { outside: unknown[]; ended: boolean } {
  const known = new Set(list.map((value) => JSON.stringify(value)));
  const outside: unknown[] = [];
  let seen = 0;
  for (const value of samplesIn(writer)) {
    if (!known.has(JSON.stringify(value))) outside.push(value);
    if (outside.length >= 4 || ++seen > list.length + 16) return { outside, ended: false };
  }
  return { outside, ended: true };
}

/** A rule that cannot be compared holds for the writer where the writer has the very same. */
function opaque(reader: Alternative, writer: Alternative): readonly RawDifference[] {
  return reader.opaque
    .filter((rule) => !writer.opaque.some(({ keyword, text }) => keyword === rule.keyword && text === rule.text))
    .map(({ keyword }) => ({
      segments: [],
      rule: 'keyword' as const,
      writer: writer.opaque.some((other) => other.keyword === keyword)
        ? `is held to another rule "${keyword}"`
        : `is not held to the rule "${keyword}"`,
      reader: `checks "${keyword}"`,
      mendReader: `Leave the rule "${keyword}" as it was, or out.`,
      mendWriter: `Keep the rule "${keyword}" as it was.`,
      examples: function* () {
        for (const value of samplesIn(writer)) yield { value };
      },
    }));
}

/**
 * With several alternatives the reader may still take the example by another one, or, where it wants exactly one, refuse
 * it for being what two of them take.
 */
const broadened = (difference: RawDifference, reader: Shape, writer: Alternative): RawDifference => ({
  ...difference,
  examples: function* () {
    yield* interleave([difference.examples(), ...reader.alternatives.map((other) => takenToo(writer, other))]);
    for (const value of samplesIn(writer)) if (!accepts(reader, value)) yield { value };
  },
});

function* takenToo(writer: Alternative, reader: Alternative): Generator<Example> {
  const both = intersect(writer, reader);
  if (both) for (const value of samplesIn(both)) yield { value };
}

const nullRefused = (): RawDifference => ({
  segments: [],
  rule: 'null_refused',
  writer: 'may send null',
  reader: 'refuses null',
  mendReader: 'Go on allowing null: leave the field optional.',
  mendWriter: 'Never send null: keep the field required.',
  examples: () => [{ value: null }],
});

const NAMES: Readonly<Record<PartName, string>> = {
  null: 'null',
  boolean: 'true or false',
  number: 'a number',
  string: 'a string',
  list: 'a list',
  object: 'an object',
};

function typeRefused(reader: Shape, { of, name }: Part): RawDifference {
  const types = new Set(reader.alternatives.flatMap(partsOf).map((part) => NAMES[part.name]));
  const wanted = [...types].filter((type) => type !== 'null').join(' or ') || (types.size > 0 ? 'null' : 'nothing');
  return {
    segments: [],
    rule: 'type_changed',
    writer: `may send ${NAMES[name]}`,
    reader: `takes ${wanted} only`,
    mendReader: `Go on taking ${NAMES[name]}, or leave this field as it was and add one of another name.`,
    mendWriter: `Go on sending ${wanted}, or leave this field as it was and add one of another name.`,
    examples: function* () {
      for (const value of samplesIn(of)) if (!accepts(reader, value)) yield { value };
    },
  };
}

/** Several types that are refused at one place are one finding; null is worth one of its own only where it stands alone. */
function merged(differences: readonly RawDifference[]): readonly RawDifference[] {
  const types = differences.filter(({ rule }) => rule === 'type_changed');
  if (types.length === 0) return differences;
  const sent = types.map(({ writer }) => writer.replace('may send ', '')).join(' or ');
  return [
    {
      ...types[0],
      writer: `may send ${sent}`,
      mendReader: `Go on taking ${sent}, or leave this field as it was and add one of another name.`,
      examples: function* () {
        for (const type of types) yield* type.examples();
      },
    },
  ];
}
