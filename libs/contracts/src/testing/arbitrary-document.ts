import fc from 'fast-check';
import type { Property } from '../model';
import { propertiesArbitrary } from './arbitrary-contract';

/** Random contracts as documents, with what a contract may say beside its fields' types. */
export const documentArbitrary: fc.Arbitrary<Record<string, unknown>> = fc
  .record({
    properties: propertiesArbitrary(2).filter((list) => list.length > 0),
    dedupe: fc.constantFrom(undefined, { strategy: 'content' }, { strategy: 'event_id', windowDays: 7 }),
    lateness: fc.constantFrom(undefined, '72h'),
    retention: fc.constantFrom(undefined, { property: 'retention', value: 3, unit: 'y', element: 'event_time' }),
    extras: fc.array(
      fc.constantFrom<object>(
        {},
        { classification: 'confidential' },
        { tags: ['x'] },
        { unique: true, businessName: 'B' },
      ),
      { minLength: 8, maxLength: 8 },
    ),
  })
  .map(({ properties, dedupe, lateness, retention, extras }) => ({
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id: 'random',
    name: 'random',
    version: '1.0.0',
    status: 'active',
    description: { purpose: 'Any.', usage: 'None.' },
    schema: [
      {
        name: 'random',
        logicalType: 'object',
        physicalName: 'randoms',
        properties: properties.map((property, i) => ({ ...elementOf(property, `c${i}`), ...extras[i] })),
      },
    ],
    ...(retention ? { slaProperties: [retention] } : {}),
    customProperties: [
      { property: 'eventTypes', value: ['random'] },
      { property: 'somebodys', value: { own: 1 } },
      ...(dedupe ? [{ property: 'dedupe', value: dedupe }] : []),
      ...(lateness ? [{ property: 'lateness', value: lateness }] : []),
    ],
  }));

function elementOf(property: Property, column: string): Record<string, unknown> {
  const { name, logicalType, limits, required, values, decimal, properties, items } = property;
  return {
    ...(name === '' ? {} : { name }),
    ...(name === '' || properties.length > 0 ? {} : { physicalName: column }),
    logicalType,
    ...(decimal ? { physicalType: `decimal(${decimal.precision},${decimal.scale})` } : {}),
    ...(required ? { required } : {}),
    ...(Object.keys(limits).length > 0 ? { logicalTypeOptions: limits } : {}),
    ...(values
      ? { quality: [{ id: 'v', metric: 'invalidValues', mustBe: 0, arguments: { validValues: values } }] }
      : {}),
    ...(properties.length > 0 ? { properties: properties.map((p, i) => elementOf(p, `${column}_${i}`)) } : {}),
    ...(items ? { items: elementOf({ ...items, name: '' }, column) } : {}),
    ...(name === '' ? {} : { description: `The ${name}.` }),
  };
}
