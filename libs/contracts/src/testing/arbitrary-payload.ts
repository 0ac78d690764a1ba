import fc from 'fast-check';
import type { Property } from '../model';
import { FORMAT_SAMPLES } from '../shapes/formats';

/**
 * Random payloads of a contract's fields, made without any of the comparison's own machinery. Not every one keeps the
 * contract: callers filter by the validator.
 */
export function payloadArbitrary(properties: readonly Property[]): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(properties.map((property) => [property.name, valueArbitrary(property)]));
  const requiredKeys = properties.filter(({ required }) => required).map(({ name }) => name);
  return fc.record(fields, { requiredKeys }) as fc.Arbitrary<Record<string, unknown>>;
}

function valueArbitrary(property: Property): fc.Arbitrary<unknown> {
  const value = typed(property);
  return property.required ? value : fc.option(value, { freq: 4 });
}

function typed({ logicalType, limits, values, properties, items, decimal }: Property): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  const ends = [limits.minimum, limits.maximum, limits.exclusiveMinimum, limits.exclusiveMaximum].filter(
    (e) => e !== undefined,
  );
  switch (logicalType) {
    case 'boolean':
      return fc.boolean();
    case 'integer': {
      const step = limits.multipleOf ?? 1;
      const near = ends.length > 0 ? ends.map(Number) : [0];
      return fc.oneof(
        fc
          .tuple(fc.constantFrom(...near), fc.integer({ min: -8, max: 8 }))
          .map(([end, by]) => Math.floor(end / step) * step + by * step),
        fc.maxSafeInteger(),
      );
    }
    case 'number': {
      const places = decimal ? decimal.scale : 3;
      const near = ends.length > 0 ? ends.map(Number) : [0];
      return fc.oneof(
        fc
          .tuple(fc.constantFrom(...near), fc.integer({ min: -2000, max: 2000 }))
          .map(([end, by]) => Math.round((end + by / 10 ** places) * 10 ** places) / 10 ** places),
        fc
          .tuple(fc.constantFrom(...near), fc.integer({ min: -9, max: 9 }))
          .map(([end, by]) => Math.floor(end) + by * (limits.multipleOf ?? 1)),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      );
    }
    case 'string':
      if (limits.format) return fc.constantFrom(...(FORMAT_SAMPLES[limits.format] ?? ['a']));
      if (limits.pattern) return fc.stringMatching(new RegExp(limits.pattern, 'u'));
      return fc.string({
        unit: 'binary',
        minLength: limits.minLength ?? 0,
        maxLength: Math.max(limits.minLength ?? 0, Math.min(limits.maxLength ?? 300, 300)),
      });
    case 'date':
      return fc.oneof(
        fc.constantFrom('2013-01-01', ...ends),
        fc
          .date({ min: new Date('2012-12-25'), max: new Date('2013-03-05'), noInvalidDate: true })
          .map((d) => d.toISOString().slice(0, 10)),
      );
    case 'timestamp':
      return fc.oneof(
        fc.constantFrom('2013-01-01T00:00:00.000001Z', ...ends),
        fc
          .date({ min: new Date('2012-12-31T23:59:58Z'), max: new Date('2013-01-01T00:00:02Z'), noInvalidDate: true })
          .map((d) => d.toISOString()),
      );
    case 'time':
      return fc.constantFrom(
        '00:00:00',
        '10:00:00',
        '10:00:00.0',
        '10:00:00.5',
        '10:00:00.499',
        '10:00:00.501',
        '09:59:59.9',
        '23:59:59',
        '23:59:59.000001',
      );
    case 'array': {
      const element = items ? valueArbitrary(items) : fc.constantFrom<unknown>(1, 'a', null, [], {});
      return fc.array(element, {
        minLength: limits.minItems ?? 0,
        maxLength: Math.max(limits.minItems ?? 0, Math.min(limits.maxItems ?? 5, 5)),
      });
    }
    case 'object':
      return properties.length > 0
        ? payloadArbitrary(properties)
        : fc.dictionary(fc.constantFrom('a', 'b', 'zz'), fc.constantFrom<unknown>(1, 'a', null), {
            minKeys: Math.min(limits.minProperties ?? 0, 3),
          });
  }
}
