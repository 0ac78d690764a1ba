import fc from 'fast-check';
import type { Limits, LogicalType, Property } from '../model';

/** Random fields as loadContract makes them, small enough to meet each other in pairs. */
const NAMES = ['a', 'b', 'c', 'd e', 'f'];
const PATTERNS = [
  '^[a-z]+$',
  '^[a-c]{1,4}$',
  '^\\d{2,3}$',
  'ab',
  '^(?:ab|cd)x?$',
  '^[^@]+@[^@]+$',
  '^\\p{Lu}',
  '^$|^a',
];
const INTEGER_ENDS = [-100, -1, 0, 1, 2, 7, 10, 12, 1000];
const NUMBER_ENDS = [-1.5, -1, 0, 0.25, 1, 1e3, 1e300];
const TIMES: Readonly<Record<string, readonly string[]>> = {
  date: ['2013-01-01', '2013-02-28', '2013-03-01', '9999-12-31'],
  timestamp: ['2013-01-01T00:00:00Z', '2013-01-01T00:00:00.5Z', '2013-01-01T01:00:00+01:00', '2014-06-30T23:59:59Z'],
  time: ['00:00:00', '10:00:00', '10:00:00.50', '23:59:59'],
};

const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, { arbitrary: value, weight: 2 });

/** Null in most cases. */
const seldom = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, { arbitrary: value, weight: 1 });

function limitsOf(record: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Limits> {
  return fc
    .record(record)
    .map((limits) => Object.fromEntries(Object.entries(limits).filter(([, v]) => v !== undefined)) as Limits)
    .filter(isPlausible);
}

/** Contracts that let nothing through are rare in life; here they would be most. */
function isPlausible({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, ...counts }: Limits): boolean {
  const low = [minimum, exclusiveMinimum].filter((end) => end !== undefined);
  const high = [maximum, exclusiveMaximum].filter((end) => end !== undefined);
  return (
    low.length < 2 &&
    high.length < 2 &&
    low.every((l) => high.every((h) => l < h)) &&
    (counts.minLength ?? 0) <= (counts.maxLength ?? Infinity) &&
    (counts.minItems ?? 0) <= (counts.maxItems ?? Infinity) &&
    (counts.minProperties ?? 0) <= (counts.maxProperties ?? Infinity) &&
    (counts.format === undefined || (counts.pattern === undefined && counts.maxLength === undefined))
  );
}

const bounds = (ends: readonly (string | number)[]): Record<string, fc.Arbitrary<unknown>> => {
  const end = some(fc.constantFrom(...ends));
  return { minimum: end, maximum: end, exclusiveMinimum: end, exclusiveMaximum: end };
};

const LIMITS: Readonly<Record<LogicalType, fc.Arbitrary<Limits>>> = {
  boolean: fc.constant({}),
  string: limitsOf({
    minLength: some(fc.nat(4)),
    maxLength: some(fc.integer({ min: 1, max: 6 })),
    pattern: some(fc.constantFrom(...PATTERNS)),
    format: seldom(fc.constantFrom('uuid', 'email', 'hostname', 'ipv4', 'uri')).map((format) => format ?? undefined),
  }).map((limits) => (limits.pattern ? { ...limits, maxLength: Math.min(limits.maxLength ?? 256, 256) } : limits)),
  integer: limitsOf({ ...bounds(INTEGER_ENDS), multipleOf: some(fc.constantFrom(1, 2, 3, 4, 6)) }),
  number: limitsOf({ ...bounds(NUMBER_ENDS), multipleOf: some(fc.constantFrom(1, 2, 5)) }),
  date: limitsOf(bounds(TIMES.date)),
  timestamp: limitsOf(bounds(TIMES.timestamp)),
  time: limitsOf(bounds(TIMES.time)),
  object: limitsOf({ minProperties: some(fc.nat(3)), maxProperties: some(fc.integer({ min: 1, max: 4 })) }),
  array: limitsOf({
    minItems: some(fc.nat(3)),
    maxItems: some(fc.integer({ min: 1, max: 4 })),
    uniqueItems: some(fc.boolean()),
  }),
};

const VALUES: Partial<Record<LogicalType, readonly (string | number | boolean)[]>> = {
  string: ['a', 'ab', 'abx', 'cd', '12', 'x@y', ''],
  integer: [-1, 0, 1, 2, 6, 12],
  number: [0, 0.25, 0.5, 1],
  boolean: [true, false],
  date: ['2013-01-01', '2013-02-28'],
};

const SCALARS: readonly LogicalType[] = ['string', 'integer', 'number', 'boolean', 'date', 'timestamp', 'time'];

export function propertyArbitrary(name: string, depth: number): fc.Arbitrary<Property> {
  const types = depth > 0 ? [...SCALARS, 'object' as const, 'array' as const] : SCALARS;
  return fc.constantFrom(...types).chain((logicalType) =>
    fc
      .record({
        limits: LIMITS[logicalType],
        required: fc.boolean(),
        values: VALUES[logicalType]
          ? seldom(fc.uniqueArray(fc.constantFrom(...VALUES[logicalType]), { minLength: 1, maxLength: 4 }))
          : fc.constant(null),
        properties: logicalType === 'object' ? propertiesArbitrary(depth - 1) : fc.constant([]),
        items: logicalType === 'array' ? fc.option(propertyArbitrary('', depth - 1), { freq: 4 }) : fc.constant(null),
        decimal:
          logicalType === 'number'
            ? seldom(fc.constantFrom({ precision: 3, scale: 1 }, { precision: 6, scale: 2 }))
            : fc.constant(null),
      })
      .map((rest) => ({ name, logicalType, physicalName: null, classification: null, doc: '', ...rest }))
      .map((property) => (property.values ? { ...property, limits: {}, decimal: null } : property)),
  );
}

export function propertiesArbitrary(depth: number): fc.Arbitrary<Property[]> {
  return fc
    .uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 })
    .chain((names) =>
      names.length === 0 ? fc.constant([]) : fc.tuple(...names.map((name) => propertyArbitrary(name, depth))),
    );
}

/** A contract and another that differs from it in some of its fields: unrelated ones would differ in all. */
export const contractPair: fc.Arbitrary<readonly [Property[], Property[]]> = propertiesArbitrary(2)
  .filter((list) => list.length > 0)
  .chain((before) =>
    fc.tuple(...before.map((property) => mutated(property, 2)), propertiesArbitrary(1)).map((parts) => {
      const kept = parts.slice(0, -1).flat() as Property[];
      const added = (parts.at(-1) as Property[]).filter(({ name }) => !before.some((p) => p.name === name)).slice(0, 1);
      return [before, [...kept, ...added]] as const;
    }),
  );

function mutated(property: Property, depth: number): fc.Arbitrary<Property[]> {
  const same: fc.Arbitrary<Property[]> = fc.constant([property]);
  const nested: fc.Arbitrary<Property[]> =
    property.properties.length > 0
      ? fc
          .tuple(...property.properties.map((p) => mutated(p, depth - 1)))
          .map((lists) => [{ ...property, properties: lists.flat() }])
      : property.items
        ? mutated({ ...property.items, name: '' }, depth - 1).map((list) => [{ ...property, items: list[0] ?? null }])
        : same;
  return fc.oneof<fc.WeightedArbitrary<Property[]>[]>(
    { arbitrary: same, weight: 4 },
    { arbitrary: nested, weight: 3 },
    { arbitrary: LIMITS[property.logicalType].map((limits) => [{ ...property, limits }]), weight: 3 },
    { arbitrary: fc.constant([{ ...property, required: !property.required }]), weight: 1 },
    { arbitrary: fc.constant([{ ...property, values: null, decimal: null }]), weight: 1 },
    { arbitrary: propertyArbitrary(property.name, depth).map((p) => [p]), weight: 1 },
    { arbitrary: fc.constant<Property[]>([]), weight: 1 },
  );
}
