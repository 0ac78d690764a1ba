import type { Example, RawDifference } from '../compatibility/raw-difference';
import type { Numbers } from './shape';
import { inNumbers, isMultiple, lattice, nextDouble, numbersOf, stepInWords } from './steps';

/** Numbers looked at for one that is on no step of the reader. */
const TRIED_MAX = 256;
const WHOLE = 1;

/** What a reader refuses of the numbers that a writer may send. */
export function compareNumbers(reader: Numbers, writer: Numbers): readonly RawDifference[] {
  if (writer.least > writer.most) return [];
  return [...ranges(reader, writer), ...steps(reader, writer)];
}

function ranges(reader: Numbers, writer: Numbers): readonly RawDifference[] {
  const differences: RawDifference[] = [];
  const add = (part: Numbers, around: number, sends: string, takes: string, keep: string, mendWriter: string): void => {
    const examples = first(numbersOf(part, around), 4);
    // Steps may leave no number in the part that the reader lacks.
    if (examples.length === 0) return;
    differences.push({
      segments: [],
      rule: 'range_narrowed',
      writer: sends,
      reader: takes,
      mendReader: keep,
      mendWriter,
      examples: () => examples.map((value) => ({ value })),
    });
  };
  const { least, most } = reader;
  if (writer.least < least)
    add(
      { ...writer, most: Math.min(writer.most, nextDouble(least, false)) },
      least - 1,
      `may send a number below ${least}`,
      `takes ${least} or more`,
      `Leave the minimum ${writer.least === -Number.MAX_VALUE ? 'out' : `at ${writer.least}`}.`,
      `Keep the minimum ${least}.`,
    );
  if (writer.most > most)
    add(
      { ...writer, least: Math.max(writer.least, nextDouble(most, true)) },
      most + 1,
      `may send a number above ${most}`,
      `takes ${most} or less`,
      `Leave the maximum ${writer.most === Number.MAX_VALUE ? 'out' : `at ${writer.most}`}.`,
      `Keep the maximum ${most}.`,
    );
  return differences;
}

function steps(reader: Numbers, writer: Numbers): readonly RawDifference[] {
  const [mine, theirs] = [lattice(reader.steps), lattice(writer.steps)];
  if (!mine || (theirs && isMultiple(theirs, mine))) return [];
  const any = { ...reader, least: -Infinity, most: Infinity };
  const examples: Example[] = [];
  let tried = 0;
  for (const value of numbersOf(writer)) {
    if (!inNumbers(value, any)) examples.push({ value });
    if (examples.length >= 4 || ++tried >= TRIED_MAX) break;
  }
  if (examples.length === 0 && tried < TRIED_MAX && theirs) return [];
  const words = reader.steps.map(stepInWords).join(' and ');
  return [
    {
      segments: [],
      rule: reader.steps.some((step) => 'of' in step && step.of === WHOLE) && !theirs ? 'type_changed' : 'multiple_of',
      writer: `may send a number that is not ${words}`,
      reader: `takes ${words} only`,
      mendReader: 'Leave the numbers as they were, or add a new field.',
      mendWriter: `Send ${words} only.`,
      examples: () => examples,
    },
  ];
}

function first(values: Iterable<number>, count: number): readonly number[] {
  const list: number[] = [];
  for (const value of values) {
    list.push(value);
    if (list.length >= count) break;
  }
  return list;
}
