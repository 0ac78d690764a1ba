import { STRING_FORMATS } from '../formats';
import type { Property } from '../model';
import { isRaw, type Raw, without } from './loss';

/** A contract's `time` has no offset, other than that of JSON Schema, so it goes out as a text of this form. */
export const TIME_PATTERN = '^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?$';

const SAID = ['name', 'description', 'required', 'properties', 'items', 'examples', 'quality', 'logicalTypeOptions'];
const DECIMAL = /^(?:decimal|numeric)\((\d+),\s*(\d+)\)$/i;

/** What JSON Schema has no word for, of an element of a contract. */
export function leftOver(element: Raw, property: Property): Raw {
  const rules = (element.quality ?? []) as readonly Raw[];
  const listing = rules.filter(listsValues);
  const { arguments: _, ...listed } = listing[0] ?? {};
  const others = rules.filter((rule) => !listsValues(rule));
  const options = unsaidOptions((element.logicalTypeOptions ?? {}) as Raw, property);
  return {
    ...without(element, SAID),
    ...(Object.keys(options).length > 0 ? { logicalTypeOptions: options } : {}),
    ...(listing.length > 0 ? { allowedValues: listed } : {}),
    ...(others.length > 0 ? { quality: others } : {}),
  };
}

/** The rule that refuses an event by itself; see load-quality.ts. */
const listsValues = (rule: Raw): boolean =>
  (rule.type ?? 'library') === 'library' &&
  rule.metric === 'invalidValues' &&
  rule.mustBe === 0 &&
  (rule.severity ?? 'error') === 'error' &&
  isRaw(rule.arguments) &&
  rule.arguments.validValues !== undefined;

function unsaidOptions(options: Raw, { logicalType }: Property): Raw {
  const keep = Object.entries(options).filter(([key, value]) => {
    if (logicalType === 'date' || logicalType === 'timestamp' || logicalType === 'time') return true;
    return key === 'format' && !(logicalType === 'string' && (value as string) in STRING_FORMATS);
  });
  return Object.fromEntries(keep);
}

/** The element as it was, where the schema still says the same type; else what is said beside types is kept. */
export function restored(typed: Raw, odcs: unknown): Raw {
  if (!isRaw(odcs)) return typed;
  const { allowedValues: listed, quality: others, logicalTypeOptions: unsaid, ...kept } = odcs;
  const bare = withoutWrittenOut(typed, odcs);
  if (bare.logicalType !== odcs.logicalType) return { ...without(kept, ['logicalType', 'physicalType']), ...typed };
  const options = { ...(bare.logicalTypeOptions as Raw | undefined), ...(unsaid as Raw | undefined) };
  const values = (bare.quality as readonly Raw[] | undefined)?.map((rule) => ({
    ...rule,
    ...(listed as Raw | undefined),
  }));
  const quality = [...((others ?? []) as readonly Raw[]), ...(values ?? [])];
  return {
    ...without(bare, ['logicalTypeOptions', 'quality']),
    ...kept,
    ...(Object.keys(options).length > 0 ? { logicalTypeOptions: options } : {}),
    ...(quality.length > 0 ? { quality } : {}),
  };
}

/** Takes back what was written out for want of a word: the form of a time, the digits of a decimal. */
function withoutWrittenOut(typed: Raw, odcs: Raw): Raw {
  const options = (typed.logicalTypeOptions ?? {}) as Raw;
  if (odcs.logicalType === 'time' && options.pattern === TIME_PATTERN)
    return { ...typed, logicalType: 'time', logicalTypeOptions: without(options, ['pattern', 'maxLength']) };
  const decimal = typeof odcs.physicalType === 'string' ? DECIMAL.exec(odcs.physicalType) : null;
  if (odcs.logicalType !== 'number' || !decimal) return typed;
  const end = 10 ** (Number(decimal[1]) - Number(decimal[2]));
  const bounds = Object.entries(options).filter(
    ([, bound]) => Math.abs(bound as number) !== end && Math.abs(bound as number) !== end - 1,
  );
  return { ...typed, logicalType: 'number', logicalTypeOptions: Object.fromEntries(bounds) };
}
