import { anyTextAutomaton, type Automaton, patternAutomaton } from '../patterns/automaton';
import { PatternBeyond } from '../patterns/parse-pattern';
import { searchWords } from '../patterns/search';
import { inStrings } from './accepts';
import { FORMAT_SAMPLES, FORMAT_TEXTS } from './formats';
import type { Strings } from './shape';

/** What a comparison can know about the texts of a shape: those that the automata accept, or fewer. */
export interface Texts {
  readonly automata: readonly Automaton[];
  readonly min: number;
  readonly max: number;
  /** The automata accept nothing but these texts. */
  readonly exact: boolean;
}

export function textsIn(strings: Strings): Texts {
  const automata: Automaton[] = [];
  let [{ min, max }, exact] = [strings, strings.between.length === 0] as [{ min: number; max: number }, boolean];
  for (const format of strings.formats) {
    const known = FORMAT_TEXTS[format];
    automata.push(patternAutomaton(known.pattern));
    min = Math.max(min, known.min);
    max = Math.min(max, known.max);
    exact &&= known.exact;
  }
  for (const pattern of strings.patterns) {
    const automaton = automatonOf(pattern);
    if (automaton) automata.push(automaton);
    else exact = false;
  }
  return { automata: automata.length > 0 ? automata : [anyTextAutomaton()], min, max, exact };
}

/** Null for a pattern that automata cannot follow. */
export function automatonOf(pattern: string): Automaton | null {
  try {
    return patternAutomaton(pattern);
  } catch (error) {
    if (error instanceof PatternBeyond) return null;
    throw error;
  }
}

const WORDS_MAX = 48;
const PLAIN_CHARS_MAX = 4;

/** Texts that a shape lets through, some dozens at most, ordinary ones first. */
export function* wordsOf(strings: Strings): Generator<string> {
  const seen = new Set<string>();
  for (const text of candidates(strings)) {
    if (seen.has(text) || !inStrings(text, strings)) continue;
    seen.add(text);
    yield text;
  }
}

function* candidates(strings: Strings): Generator<string> {
  for (const { minimum, maximum } of strings.between) yield* [minimum, maximum].filter((text) => text !== undefined);
  for (const format of strings.formats) yield* FORMAT_SAMPLES[format];
  for (const bounds of strings.between) yield* nearBounds(bounds);
  if (strings.formats.length === 0 && strings.patterns.length === 0) {
    const most = Math.min(strings.max, Math.max(strings.min, 1));
    yield 'a'.repeat(most);
    for (const char of 'bcdefghijklmnopqrstuvwxyz0123456789') yield char.repeat(Math.max(strings.min, 1));
    yield 'a'.repeat(strings.min);
    for (let chars = most + 1; chars <= Math.min(strings.max, most + PLAIN_CHARS_MAX); chars++) yield 'a'.repeat(chars);
    return;
  }
  const { automata, min, max } = textsIn(strings);
  yield* searchWords({ all: automata, but: null, min, max, limit: WORDS_MAX }).words;
}

/** Just inside exclusive bounds: times have fractions as fine as one likes, dates have neighbours. */
export function* nearBounds(bounds: Strings['between'][number]): Generator<string> {
  const { as, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  for (const text of [minimum, maximum, exclusiveMinimum, exclusiveMaximum]) {
    if (text === undefined) continue;
    yield text;
    yield* as === 'date' ? [shiftDate(text, 1), shiftDate(text, -1)] : fractions(as, text);
  }
}

const MS_PER_DAY = 86_400_000;

export function shiftDate(date: string, days: number): string {
  const shifted = new Date(Date.parse(`${date}T00:00:00Z`) + days * MS_PER_DAY);
  return shifted.getUTCFullYear() < 1 || shifted.getUTCFullYear() > 9999 ? date : shifted.toISOString().slice(0, 10);
}

const FINEST = '000000000001';

/** A little later, and a little earlier, than a time or timestamp. */
function* fractions(as: 'timestamp' | 'time', text: string): Generator<string> {
  const [, whole, fraction = '', offset] = /^(.*\d\d:\d\d:\d\d)(?:\.(\d+))?(.*)$/.exec(text) as unknown as string[];
  yield `${whole}.${fraction}${FINEST}${offset}`;
  if (/[1-9]/.test(fraction)) {
    const less = String(BigInt(fraction + FINEST.replace(/./g, '0')) - 1n).padStart(
      fraction.length + FINEST.length,
      '0',
    );
    yield `${whole}.${less}${offset}`;
    return;
  }
  const nines = '9'.repeat(FINEST.length);
  if (as === 'timestamp') {
    const second = new Date(Date.parse(`${whole}${offset || 'Z'}`.toUpperCase()) - 1000);
    if (!Number.isNaN(second.getTime()) && second.getUTCFullYear() >= 1 && second.getUTCFullYear() <= 9999)
      yield `${second.toISOString().slice(0, 19)}.${nines}Z`;
    return;
  }
  const [h, m, s] = whole.split(':').map(Number);
  const seconds = h * 3600 + m * 60 + s - 1;
  const two = (n: number): string => String(n).padStart(2, '0');
  if (seconds >= 0)
    yield `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${nines}`;
}
