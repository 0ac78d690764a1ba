import { type Example, type RawDifference, within } from '../compatibility/raw-difference';
import type { Comparison } from './compare';
import { arrayOf, witness } from './samples';
import { ANY_SHAPE, type Arrays, type Shape } from './shape';

/** Lists longer than this are not compared position by position. */
const PREFIX_MAX = 1000;

/** What a reader refuses of the lists that a writer may send. */
export function compareArrays(comparison: Comparison, reader: Arrays, writer: Arrays): readonly RawDifference[] {
  if (writer.min > writer.max) return [];
  return [...lengths(reader, writer), ...duplicates(reader, writer), ...elements(comparison, reader, writer)];
}

function lengths(reader: Arrays, writer: Arrays): readonly RawDifference[] {
  const differences: RawDifference[] = [];
  const add = (length: number, sends: string, takes: string, keep: string, mendWriter: string): void => {
    const list = arrayOf(writer, length);
    differences.push({
      segments: [],
      rule: 'length_narrowed',
      writer: sends,
      reader: takes,
      mendReader: keep,
      mendWriter,
      examples: () => (list ? [{ value: list }] : []),
    });
  };
  if (writer.min < reader.min)
    add(
      Math.min(reader.min - 1, writer.max),
      `may send a list of fewer than ${reader.min} elements`,
      `takes ${reader.min} or more`,
      `Leave the least number of elements at ${writer.min}.`,
      `Keep the least number of elements at ${reader.min}.`,
    );
  // Distinct elements may be fewer than the greatest length says.
  if (writer.max > reader.max && !(writer.items && !witness(writer.items()) && writer.prefix.length <= reader.max))
    add(
      Math.max(reader.max + 1, writer.min),
      `may send a list of more than ${reader.max} elements`,
      `takes ${reader.max} or fewer`,
      `Leave the greatest number of elements ${writer.max === Infinity ? 'out' : `at ${writer.max}`}.`,
      `Keep the greatest number of elements at ${reader.max}.`,
    );
  return differences;
}

function duplicates(reader: Arrays, writer: Arrays): readonly RawDifference[] {
  if (!reader.unique || writer.unique || writer.max < 2) return [];
  const list = arrayOf(writer, Math.max(writer.min, writer.prefix.length + 2));
  const twice = list && list.length <= writer.max ? list : arrayOf(writer, Math.max(writer.min, 2));
  if (twice && twice.length >= 2) twice[twice.length - 1] = twice[twice.length - 2];
  return [
    {
      segments: [],
      rule: 'duplicates_refused',
      writer: 'may send a list that holds a value twice',
      reader: 'refuses it',
      mendReader: 'Leave uniqueItems out.',
      mendWriter: 'Keep uniqueItems.',
      examples: () => (twice ? [{ value: twice }] : []),
    },
  ];
}

function elements(comparison: Comparison, reader: Arrays, writer: Arrays): readonly RawDifference[] {
  const differences: RawDifference[] = [];
  const shapeAt = ({ prefix, items }: Arrays, index: number): Shape => (prefix[index] ?? items ?? (() => ANY_SHAPE))();
  const fixed = Math.min(Math.max(reader.prefix.length, writer.prefix.length), PREFIX_MAX);
  // Behind the fixed positions all elements are alike.
  for (let index = 0; index <= fixed && index < writer.max; index++) {
    if (index === fixed && (reader.items === null || writer.prefix.length >= writer.max)) break;
    const [mine, theirs] = [shapeAt(reader, index), shapeAt(writer, index)];
    if (mine === ANY_SHAPE) continue;
    for (const difference of comparison.compare(mine, theirs))
      differences.push(within(difference, null, (value) => listWith(writer, index, value)));
  }
  return differences;
}

function listWith(writer: Arrays, index: number, value: unknown): Example | null {
  const length = Math.max(writer.min, index + 1);
  if (length > writer.max) return null;
  const list = arrayOf(writer, length);
  if (!list) return null;
  list[index] = value;
  return { value: list };
}
