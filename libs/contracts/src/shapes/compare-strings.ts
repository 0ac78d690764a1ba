import type { Example, RawDifference } from '../compatibility/raw-difference';
import { type Automaton, textsAutomaton } from '../patterns/automaton';
import { searchWords } from '../patterns/search';
import { betweenCheck, temporalOrder } from '../temporal';
import { inStrings } from './accepts';
import { FORMAT_TEXTS } from './formats';
import type { Strings } from './shape';
import { automatonOf, nearBounds, shiftDate, textsIn, wordsOf } from './words';

const EXAMPLES_MAX = 16;
const TEXT_CHARS_MAX = 100_000;

/** What a reader refuses of the texts that a writer may send. */
export function compareStrings(reader: Strings, writer: Strings): readonly RawDifference[] {
  const found = [
    ...lengths(reader, writer),
    ...reader.patterns.filter((p) => !writer.patterns.includes(p)).flatMap((p) => patterns(p, reader, writer)),
    ...reader.formats.filter((f) => !writer.formats.includes(f)).flatMap((f) => formats(f, reader, writer)),
  ];
  // The bounds of what is no time at all are nobody's concern.
  const timed = found.every(({ rule }) => rule !== 'format');
  return timed ? [...found, ...reader.between.flatMap((bounds) => times(bounds, reader, writer))] : found;
}

/** Whether all texts of the writer are among `values`; where not, texts that are not. */
export function textsBeyond(
  values: readonly unknown[],
  writer: Strings,
): { all: boolean; examples: Iterable<Example> } {
  const texts = values.filter((value): value is string => typeof value === 'string');
  const { complete, words } = beyond(textsAutomaton(texts), writer);
  if (complete && words.length === 0) return { all: true, examples: [] };
  return { all: false, examples: refused(writer, words, (text) => !texts.includes(text)) };
}

/** Texts of the writer that an automaton refuses; there may be more where the search is not complete. */
function beyond(but: Automaton, writer: Strings): { words: readonly string[]; complete: boolean } {
  const { automata, min, max } = textsIn(writer);
  const { words, complete } = searchWords({ all: automata, but, min, max, limit: EXAMPLES_MAX });
  return { words, complete: complete && words.length === 0 };
}

function* refused(writer: Strings, words: Iterable<string>, refuses: (text: string) => boolean): Generator<Example> {
  for (const source of [words, wordsOf(writer)])
    for (const text of source) if (inStrings(text, writer) && refuses(text)) yield { value: text };
}

function lengths(reader: Strings, writer: Strings): readonly RawDifference[] {
  const { automata, min, max } = textsIn(writer);
  const plain = writer.patterns.length + writer.formats.length === 0;
  const differences: RawDifference[] = [];
  const add = (least: number, most: number, sends: string, takes: string, keep: string): void => {
    const from = Math.max(min, least);
    const to = Math.min(max, most);
    if (from > to) return;
    const search =
      plain || from > TEXT_CHARS_MAX
        ? null
        : searchWords({ all: automata, but: null, min: from, max: to, limit: EXAMPLES_MAX });
    if (search?.complete && search.words.length === 0) return;
    const found = search?.words ?? (from > TEXT_CHARS_MAX ? [] : ['a'.repeat(from)]);
    differences.push({
      segments: [],
      rule: 'length_narrowed',
      writer: sends,
      reader: takes,
      mendReader: keep,
      mendWriter: `Allow no more than before: ${takes.replace('takes', 'send')}.`,
      examples: () =>
        refused(writer, found, (text) => !inStrings(text, { ...reader, patterns: [], formats: [], between: [] })),
    });
  };
  if (reader.min > writer.min)
    add(
      writer.min,
      reader.min - 1,
      `may send a text of fewer than ${reader.min} characters`,
      `takes ${reader.min} characters or more`,
      `Leave the least length at ${writer.min}.`,
    );
  if (reader.max < writer.max)
    add(
      reader.max + 1,
      writer.max,
      `may send a text of more than ${reader.max} characters`,
      `takes ${reader.max} characters or fewer`,
      `Leave the greatest length ${writer.max === Infinity ? 'out' : `at ${writer.max}`}.`,
    );
  return differences;
}

function patterns(pattern: string, reader: Strings, writer: Strings): readonly RawDifference[] {
  const automaton = automatonOf(pattern);
  const search = automaton && beyond(automaton, writer);
  if (search?.complete) return [];
  const only: Strings = { min: 0, max: Infinity, patterns: [pattern], formats: [], between: [] };
  const theirs = writer.patterns.length > 0 ? ` (its pattern is ${writer.patterns.join(' and ')})` : '';
  return [
    {
      segments: [],
      rule: 'pattern',
      writer: `may send a text that does not match ${pattern}${theirs}`,
      reader: 'takes texts that match it only',
      mendReader:
        writer.patterns.length > 0
          ? `Widen the pattern so that it matches all that ${writer.patterns.join(' and ')} matches.`
          : 'Leave the pattern out.',
      mendWriter: `Keep the pattern ${pattern}, or one that matches less.`,
      examples: () => refused(writer, search?.words ?? [], (text) => !inStrings(text, only)),
    },
  ];
}

function formats(format: string, reader: Strings, writer: Strings): readonly RawDifference[] {
  const { exact, pattern } = FORMAT_TEXTS[format];
  const automaton = exact ? automatonOf(pattern) : null;
  const search = automaton && beyond(automaton, writer);
  if (search?.complete) return [];
  // The texts outside the format's pattern are outside the format too.
  const outside = search ?? beyond(automatonOf(pattern) as Automaton, writer);
  const only: Strings = { min: 0, max: Infinity, patterns: [], formats: [format], between: [] };
  return [
    {
      segments: [],
      rule: 'format',
      writer: `may send a text that is no ${format}`,
      reader: `takes the format ${format} only`,
      mendReader: 'Leave the format as it was, or add a new field with the format.',
      mendWriter: `Keep the format ${format}.`,
      examples: () => refused(writer, outside.words, (text) => !inStrings(text, only)),
    },
  ];
}

/** Bounds are compared where both sides have bounds of one kind; else the writer's own times are tried. */
function times(bounds: Strings['between'][number], reader: Strings, writer: Strings): readonly RawDifference[] {
  const theirs = writer.between.filter(({ as }) => as === bounds.as);
  const low = (b: typeof bounds): readonly [string, boolean] | null => edge(b, b.minimum, b.exclusiveMinimum, 1);
  const high = (b: typeof bounds): readonly [string, boolean] | null => edge(b, b.maximum, b.exclusiveMaximum, -1);
  const [mine, most] = [low(bounds), high(bounds)];
  const lowHolds = mine === null || theirs.some((b) => holds(low(b), mine, 1));
  const highHolds = most === null || theirs.some((b) => holds(high(b), most, -1));
  if (lowHolds && highHolds) return [];
  const check = betweenCheck(bounds);
  const words = function* (): Generator<string> {
    for (const b of [bounds, ...theirs]) yield* nearBounds(b);
  };
  const refuses = (text: string): boolean =>
    inStrings(text, { ...reader, patterns: [], between: [], min: 0, max: Infinity }) && !check(text);
  const { as: _, ...stated } = bounds;
  return [
    {
      segments: [],
      rule: 'range_narrowed',
      writer: `may send a ${bounds.as} outside ${inWords(stated)}`,
      reader: 'refuses it',
      mendReader: 'Leave the bounds as they were.',
      mendWriter: `Keep to ${inWords(stated)}.`,
      examples: () => refused(writer, words(), refuses),
    },
  ];
}

function edge(
  b: Strings['between'][number],
  inclusive: string | undefined,
  exclusive: string | undefined,
  sign: 1 | -1,
): readonly [string, boolean] | null {
  const edges = [
    ...(inclusive === undefined ? [] : [[temporalOrder(b.as, inclusive), true] as const]),
    ...(exclusive === undefined ? [] : [beyondEdge(b.as, exclusive, sign)]),
  ];
  const tighter = (x: readonly [string, boolean], y: readonly [string, boolean]): readonly [string, boolean] => {
    if (x[0] === y[0]) return x[1] ? y : x;
    return x[0] > y[0] === (sign === 1) ? x : y;
  };
  return edges.length === 0 ? null : edges.reduce(tighter);
}

/** Days are discrete: after the first is from the second on. */
const beyondEdge = (
  as: Strings['between'][number]['as'],
  exclusive: string,
  sign: 1 | -1,
): readonly [string, boolean] => {
  const neighbour = as === 'date' ? shiftDate(exclusive, sign) : exclusive;
  return [temporalOrder(as, neighbour), neighbour !== exclusive];
};

function holds(theirs: readonly [string, boolean] | null, mine: readonly [string, boolean], sign: 1 | -1): boolean {
  if (!theirs) return false;
  if (theirs[0] === mine[0]) return mine[1] || !theirs[1];
  return theirs[0] > mine[0] === (sign === 1);
}

function inWords(bounds: Readonly<Record<string, string | undefined>>): string {
  const words = { minimum: 'not before', maximum: 'not after', exclusiveMinimum: 'after', exclusiveMaximum: 'before' };
  return Object.entries(words)
    .filter(([key]) => bounds[key] !== undefined)
    .map(([key, word]) => `${word} ${bounds[key]}`)
    .join(' and ');
}
