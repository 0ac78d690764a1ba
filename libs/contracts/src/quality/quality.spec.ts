import { compile } from '../compile';
import { ContractError } from '../contract-error';
import { loadContract } from '../load-contract';

const contract = (rules: string, quality = ''): string => `
apiVersion: v3.1.0
kind: DataContract
id: trips
name: trips
version: 1.0.0
status: active
schema:
  - name: trips
    ${quality}
    properties:
      - { name: id, logicalType: string, required: true }
      - { name: start, logicalType: timestamp }
      - { name: end, logicalType: timestamp }
      - { name: miles, logicalType: number }
      - { name: limit, logicalType: integer }
      - { name: day, logicalType: date }
      - name: place
        logicalType: object
        properties: [{ name: city, logicalType: string, quality: [{ metric: nullValues, mustBeLessThan: 5, unit: percent }] }]
customProperties:
  - { property: eventTypes, value: [trip] }
  - property: rules
    value:
${rules}
`;
const ORDER = "      - { id: in_order, left: $.payload.end, is: '>=', right: $.payload.start }\n";
const problems = (rules: string, quality?: string): string[] => {
  try {
    loadContract(contract(rules, quality));
    return [];
  } catch (error) {
    return (error as ContractError).problems.map(({ path, rule }) => `${path} ${rule}`);
  }
};

describe('rules between fields', () => {
  const { validate } = compile(
    loadContract(
      contract(
        `${ORDER}      - { id: short, left: $.payload.miles, is: '<=', right: $.payload.limit }\n` +
          "      - { id: real_city, left: $.payload.place.city, is: '<>', value: Nowhere }\n" +
          "      - { id: recent, left: $.payload.start, is: '>', value: '2020-01-01T00:00:00Z' }\n",
      ),
    ),
  );
  const trip = (fields: object) => validate({ id: 'a', ...fields }).map(({ reason, path }) => `${reason} ${path}`);

  it('compare times by instant, numbers and texts as they are, and hold where a side is missing', () => {
    expect(trip({ start: '2026-01-01T12:00:00+02:00', end: '2026-01-01T11:00:00Z' })).toEqual([]);
    expect(trip({ start: '2026-01-01T12:00:00Z', end: '2026-01-01T13:00:00+02:00' })).toEqual([
      'contradiction $.payload.end',
    ]);
    expect(trip({ miles: 10.5, limit: 10 })).toEqual(['contradiction $.payload.miles']);
    expect(trip({ miles: 10, limit: 10 })).toEqual([]);
    expect(trip({ miles: 10.5 })).toEqual([]);
    expect(trip({ end: null, start: '2026-01-01T12:00:00Z' })).toEqual([]);
    expect(trip({ place: { city: 'Nowhere' } })).toEqual(['contradiction $.payload.place.city']);
    expect(trip({ place: null })).toEqual([]);
    expect(trip({ start: '2019-12-31T23:59:59Z' })).toEqual(['contradiction $.payload.start']);
  });

  it('come after what each field must be, and name themselves', () => {
    expect(validate({ id: 1, miles: 10.5, limit: 10 })[0].reason).toBe('wrong_type');
    expect(validate({ id: 'a', miles: 10.5, limit: 10 })[0].rule).toBe('miles must be <= $.payload.limit (short)');
  });
});

describe('rules about many rows', () => {
  it('are what the standard’s metrics, foreign keys and warnings say', () => {
    const { quality } = loadContract(
      contract(
        "      - { id: in_order, left: $.payload.end, is: '>=', right: $.payload.start, severity: warning }\n" +
          '      - { id: known, key: $.payload.place.city, in: { dimension: cities }, mustBeBetween: [0, 3] }\n' +
          '      - { id: fresh, freshness: 90m, severity: warning }\n' +
          '      - { id: usual_volume, usual: volume, severity: warning }\n' +
          '      - { id: usual_miles, usual: $.payload.miles, within: 4.5, among: weekdays }\n',
        'quality: [{ id: volume, metric: rowCount, mustBeBetween: [10, 20], severity: warning }, ' +
          '{ metric: duplicateValues, arguments: { properties: [id] }, mustBe: 0 }, { metric: rowCount }]',
      ),
    );
    expect(quality.rows).toEqual([]);
    expect(
      quality.batches.map(({ id, severity, measure, threshold, unit }) => [
        id,
        severity,
        measure.metric,
        threshold,
        unit,
      ]),
    ).toEqual([
      ['volume', 'warning', 'rowCount', { op: 'between', from: 10, to: 20 }, 'rows'],
      ['table_duplicateValues', 'error', 'duplicateValues', { op: '=', value: 0 }, 'rows'],
      ['place_city_nullValues', 'error', 'nullValues', { op: '<', value: 5 }, 'percent'],
      ['in_order', 'warning', 'comparison', { op: '=', value: 0 }, 'rows'],
      ['known', 'error', 'foreignKey', { op: 'between', from: 0, to: 3 }, 'rows'],
      ['fresh', 'warning', 'freshness', { op: '<=', value: 5_400 }, 'rows'],
      ['usual_volume', 'warning', 'zScore', { op: '<=', value: 3 }, 'rows'],
      ['usual_miles', 'error', 'zScore', { op: '<=', value: 4.5 }, 'rows'],
    ]);
  });

  it('without an id or of other severities are taken as the standard allows them', () => {
    const { quality } = loadContract(
      contract(
        ORDER,
        'quality: [{ metric: rowCount, mustBeGreaterThan: 1, severity: info }, { metric: rowCount, mustBeLessThan: 9 }]',
      ),
    );
    expect(quality.batches.map(({ id, severity }) => `${id} ${severity}`)).toEqual([
      'table_rowCount warning',
      'table_rowCount_2 error',
      'place_city_nullValues error',
    ]);
  });

  it.each([
    [
      "      - { id: a, left: $.payload.end, is: '>=', right: $.payload.miles }",
      'customProperties[1].value[0] compares fields of different kinds',
    ],
    [
      "      - { id: a, left: $.payload.nothing, is: '>=', value: 1 }",
      'customProperties[1].value[0].left must be the path of a property',
    ],
    ['      - { id: a, left: $.payload.miles, is: like, value: 1 }', 'customProperties[1].value[0].is must be one of'],
    ["      - { id: a, left: $.payload.miles, is: '<' }", 'customProperties[1].value[0] must have either "right"'],
    [
      "      - { id: a, left: $.payload.miles, is: '<', value: many }",
      'customProperties[1].value[0].value must be a number',
    ],
    [
      "      - { id: a, left: $.payload.start, is: '<', value: soon }",
      'customProperties[1].value[0].value must be an RFC 3339',
    ],
    [
      "      - { id: '1; DROP', left: $.payload.miles, is: '<', value: 1 }",
      'customProperties[1].value[0].id must be letters',
    ],
    [
      '      - { id: a, key: $.payload.id, in: { table: other.x, column: y } }',
      'customProperties[1].value[0].in.table is required',
    ],
    [
      '      - { id: a, key: $.payload.id, in: { dimension: x }, mustBe: 1, mustNotBe: 2 }',
      'customProperties[1].value[0] has mustBe and mustNotBe',
    ],
    [
      '      - { id: a, key: $.payload.id, in: { dimension: x }, mustBeBetween: [2, 1] }',
      'customProperties[1].value[0].mustBeBetween must be two',
    ],
    [
      '      - { id: a, key: $.payload.id, to: { dimension: x } }',
      'customProperties[1].value[0].to is not a key of a foreign key',
    ],
    [
      "      - { id: a, left: $.payload.start, is: '<', value: Jan 1 2026 }",
      'customProperties[1].value[0].value must be an RFC 3339',
    ],
    [
      "      - { id: a, left: $.payload.day, is: '<', value: 2026-02-30 }",
      'customProperties[1].value[0].value must be a date',
    ],
    [
      "      - { id: a, left: $.payload.miles, is: '<', value: .inf }",
      'customProperties[1].value[0].value must be a number',
    ],
    [
      '      - { id: a, key: $.payload.id, in: { dimension: x }, mustBeBetween: [0, .inf] }',
      'customProperties[1].value[0].mustBeBetween must be two',
    ],
    ['      - { id: a, freshness: soon }', 'customProperties[1].value[0].freshness must be a number with its unit'],
    ['      - { id: a, freshness: 0h }', 'customProperties[1].value[0].freshness must be a number with its unit'],
    [
      '      - { id: a, freshness: 2h, mustBe: 1 }',
      'customProperties[1].value[0].mustBe is not a key of a freshness rule',
    ],
    [
      '      - { id: a, usual: $.payload.id }',
      'customProperties[1].value[0].usual must be volume, or the path of a number',
    ],
    ['      - { id: a, usual: volume, within: 0 }', 'customProperties[1].value[0].within must be a number of standard'],
    ['      - { id: a, usual: volume, among: months }', 'customProperties[1].value[0].among must be one of'],
    ['      - { id: a, usual: volume, mustBe: 1 }', 'customProperties[1].value[0].mustBe is not a key of a rule about'],
    [ORDER + ORDER, 'quality has two rules "in_order"'],
  ])('that cannot be are refused with their place: %s', (rules, wanted) => {
    expect(problems(rules).filter((problem) => problem.startsWith(wanted))).toHaveLength(1);
  });

  it.each([
    [
      '{ metric: duplicateValues, arguments: { properties: [nothing] }, mustBe: 0 }',
      'schema[0].quality[0].arguments.properties[0] must be',
    ],
    [
      "{ metric: duplicateValues, arguments: { properties: ['id; DROP'] }, mustBe: 0 }",
      'schema[0].quality[0].arguments.properties[0] must be',
    ],
  ])('are refused where no query could say them: %s', (quality, wanted) => {
    expect(problems(ORDER, `quality: [${quality}]`).filter((problem) => problem.startsWith(wanted))).toHaveLength(1);
  });

  it.each([
    ["{ pattern: '^(?=a)b' }", 'arguments.pattern'],
    ["{ pattern: '(' }", 'arguments.pattern: is no regular expression'],
    ['{ validValues: [] }', 'arguments.validValues: must list a value'],
    ['{ validValues: [null] }', 'arguments.validValues: must list a value'],
    ['{ validValues: ["a\\0b"] }', 'arguments.validValues[0]: must be a text'],
  ])('of one property are refused where no query could say them: %s', (args, wanted) => {
    const yaml = contract(ORDER).replace(
      '{ name: id, logicalType: string, required: true }',
      () =>
        `{ name: id, logicalType: string, quality: [{ metric: invalidValues, arguments: ${args}, mustBeLessThan: 5 }] }`,
    );
    const load = (): unknown => loadContract(yaml);
    expect(load).toThrow(ContractError);
    expect(load).toThrow(wanted);
  });

  it('name columns by the property’s path too, and have patterns as engines take them', () => {
    const yaml = contract(
      ORDER,
      'quality: [{ metric: duplicateValues, arguments: { properties: [place.city] }, mustBe: 0 }]',
    ).replace(
      '{ name: id, logicalType: string, required: true }',
      () =>
        "{ name: id, logicalType: string, quality: [{ metric: invalidValues, arguments: { pattern: '^\\d$' }, mustBe: 0 }] }",
    );
    expect(
      loadContract(yaml)
        .quality.batches.map(({ measure }) => measure)
        .slice(0, 2),
    ).toEqual([
      { metric: 'duplicateValues', columns: ['place_city'] },
      { metric: 'invalidPattern', column: 'id', pattern: '\\A[\\x{30}-\\x{39}]\\z' },
    ]);
  });
});
