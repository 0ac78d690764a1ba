import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compile } from './compile';
import { loadContract } from './load-contract';

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: lenient
name: lenient
version: 1.0.0
status: active
schema:
  - name: lenient
    properties:
      - { name: whole, logicalType: integer }
      - { name: real, logicalType: number }
      - { name: flag, logicalType: boolean }
      - { name: day, logicalType: date }
      - { name: moment, logicalType: timestamp }
      - { name: text, logicalType: string }
      - { name: tags, logicalType: array }
      - { name: free, logicalType: object }
      - { name: "od'd/na~me", physicalName: odd, logicalType: integer }
      - { name: mixed, logicalType: string, customProperties: [{ property: anyValue, value: true }] }
      - name: geo
        logicalType: object
        properties: [{ name: lat, logicalType: number, required: true }, { name: label, logicalType: string }]
      - name: driver
        logicalType: object
        properties: [{ name: id, logicalType: string }, { name: phone, logicalType: string, classification: restricted }]
      - { name: must, logicalType: integer, required: true }
customProperties:
  - { property: eventTypes, value: [lenient] }
  - { property: drift, value: { typeClash: recover } }
`;

const contract = compile(loadContract(CONTRACT));
let duck: DuckDBConnection;

beforeAll(async () => {
  duck = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await duck.run("SET TimeZone='UTC'");
});
afterAll(() => duck.closeSync());

async function stage(payload: string): Promise<Record<string, unknown>> {
  const sql = `SELECT ${contract.lenientSelect.join(', ')}, ${contract.recovered} AS _recovered
                 FROM (${contract.lenientRows('(SELECT $1::VARCHAR AS payload)')})`;
  const reader = await duck.runAndReadAll(sql, [payload]);
  const [row] = reader.getRowObjectsJson() as Record<string, unknown>[];
  const given = Object.entries(row).filter(([, value]) => value !== null);
  return Object.fromEntries(
    given.map(([name, value]) => (name === '_recovered' ? [name, JSON.parse(String(value))] : [name, value])),
  );
}

const GOOD: Readonly<Record<string, unknown>> = {
  ...{ whole: 1, real: 1.5, flag: true, day: '2026-01-02', moment: '2026-01-02T03:04:05Z', text: 'x' },
  ...{
    tags: [1],
    free: { a: 1 },
    "od'd/na~me": 7,
    mixed: 'm',
    geo: { lat: 1, label: 'l' },
    driver: { id: 'd' },
    must: 3,
  },
};

test('what fits is in its column, and nothing is recovered', async () => {
  expect(await stage(JSON.stringify(GOOD))).toEqual({
    ...{ whole: '1', real: 1.5, flag: true, day: '2026-01-02', moment: '2026-01-02 03:04:05+00', text: 'x' },
    ...{ tags: '[1]', free: '{"a":1}', odd: '7', mixed: 'm', geo_lat: 1, geo_label: 'l', driver_id: 'd', must: '3' },
  });
});

test.each([
  ['whole', '"12"'],
  ['whole', '1.5'],
  ['whole', '92233720368547758070'],
  ['whole', 'true'],
  ['real', '"n/a"'],
  ['real', '[1]'],
  ['flag', '"yes"'],
  ['day', '"2026-02-30"'],
  ['day', '20260102'],
  ['moment', '"yesterday"'],
  ['text', '12345678901234567890'],
  ['tags', '{"a":1}'],
  ['free', '"free"'],
  ["od'd/na~me", '"it\'s"'],
  ['geo', '"Rome"'],
])('%s: %s is kept with all its digits where its column has no place for it', async (name, value) => {
  const text = JSON.stringify({ ...GOOD, [name]: '@' }).replace('"@"', value);
  const { _recovered, ...row } = await stage(text);
  const path = /^\w+$/.test(name) ? `$.payload.${name}` : `$.payload['${name.replaceAll("'", "\\'")}']`;
  expect(Object.keys(_recovered as object)).toEqual([path]);
  expect(JSON.stringify(_recovered)).toBe(JSON.stringify({ [path]: JSON.parse(value) }));
  expect(Object.keys(row)).not.toContain(name);
  // Its neighbours are as they would be without it.
  expect(row).toMatchObject({ must: '3' });
  expect(contract.validate(JSON.parse(text), { payloadJson: text })).toHaveLength(1);
  expect(contract.recovers?.(JSON.parse(text))).toBe(true);
});

test('a value within an object, and several at once', async () => {
  const payload = { ...GOOD, whole: 'a', geo: { lat: 2, label: 5 } };
  expect(await stage(JSON.stringify(payload))).toMatchObject({
    _recovered: { '$.payload.whole': 'a', '$.payload.geo.label': 5 },
    geo_lat: 2,
  });
});

test('every value fits where every value is meant to', async () => {
  for (const [value, text] of [
    [5, '5'],
    ['five', 'five'],
    [{ a: [1] }, '{"a":[1]}'],
    [false, 'false'],
  ] as const) {
    const payload = { ...GOOD, mixed: value };
    expect(contract.validate(payload)).toEqual([]);
    expect(await stage(JSON.stringify(payload))).toMatchObject({ mixed: text });
  }
});

test('a payload that is no object is kept whole', async () => {
  expect(await stage('[1,2]')).toEqual({ _recovered: { '$.payload': [1, 2] } });
});

test('what is required, restricted or wrong in another way does not land', () => {
  expect(contract.recovers?.({ ...GOOD, must: 'x' })).toBe(false);
  expect(contract.recovers?.({ ...GOOD, must: undefined })).toBe(false);
  expect(contract.recovers?.({ ...GOOD, geo: { lat: 'x' } })).toBe(false);
  expect(contract.recovers?.({ ...GOOD, driver: 'John, 555-1234' })).toBe(false);
  expect(contract.recovers?.([1])).toBe(false);
});

test('a text in the place of an object that holds what is restricted is shown nowhere', async () => {
  expect(await stage(JSON.stringify({ ...GOOD, driver: 'John, 555-1234' }))).not.toHaveProperty('_recovered');
});

/** A contract of objects within one another, none of which has to be there. */
const nested = (depth: number): string => {
  let properties = '[{ name: leaf, logicalType: integer }]';
  for (let i = 0; i < depth; i++)
    properties = `[{ name: text, logicalType: string }, { name: o${i}, logicalType: object, properties: ${properties} }]`;
  return CONTRACT.replace(/properties:[^]*?\ncustomProperties/, () => `properties: ${properties}\ncustomProperties`);
};

test('a level more of objects makes statements longer by so much, and not by a factor', () => {
  const length = (depth: number): number => {
    const { typedRows, typedSelect, lenientRows, lenientSelect, recovered } = compile(loadContract(nested(depth)));
    return [typedRows('t'), lenientRows('t'), ...typedSelect, ...lenientSelect, recovered].join('').length;
  };
  const [four, eight, twelve] = [4, 8, 12].map(length);
  expect(twelve - eight).toBeLessThan(2.5 * (eight - four));
});
