import { compile, loadContract, type Violation, VIOLATION_REASONS } from './index';

const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: c
name: limits
version: 1.0.0
status: active
schema:
  - name: limits
    properties:
      - { name: id, logicalType: string, required: true, logicalTypeOptions: { minLength: 2, maxLength: 4 } }
      - { name: code, logicalType: string, logicalTypeOptions: { pattern: '^[A-Z]{2}-\\d+$' } }
      - { name: mail, logicalType: string, logicalTypeOptions: { format: email } }
      - { name: n, logicalType: integer, logicalTypeOptions: { minimum: 0, maximum: 10, multipleOf: 5 } }
      - { name: big, logicalType: integer }
      - { name: byte, logicalType: integer, logicalTypeOptions: { format: u8 } }
      - { name: x, logicalType: number, logicalTypeOptions: { exclusiveMinimum: 0, exclusiveMaximum: 1 } }
      - { name: price, logicalType: number, physicalType: 'numeric(6,2)' }
      - { name: day, logicalType: date, logicalTypeOptions: { minimum: '2013-02-01', exclusiveMaximum: '2014-01-01' } }
      - { name: at, logicalType: timestamp, logicalTypeOptions: { minimum: '2013-02-01T00:00:00Z' } }
      - { name: tags, logicalType: array, items: { logicalType: integer, required: true }, logicalTypeOptions: { minItems: 1, maxItems: 2, uniqueItems: true } }
      - { name: flag, logicalType: boolean }
      - name: kind
        logicalType: string
        quality: [{ metric: invalidValues, mustBe: 0, arguments: { validValues: [a, b] } }]
      - name: hint
        logicalType: string
        quality: [{ metric: invalidValues, mustBe: 0, severity: warning, arguments: { validValues: [a] } }]
      - name: 'odd name'
        physicalName: odd
        logicalType: object
        properties: [{ name: v, logicalType: integer, required: true }]
customProperties:
  - { property: eventTypes, value: [limits] }
`;

describe('validate', () => {
  const contract = compile(loadContract(CONTRACT));
  const check = (fields: object): readonly Violation[] => {
    const payload = { id: 'ok', ...fields };
    return contract.validate(payload, { payloadJson: JSON.stringify(payload) });
  };

  it('accepts what keeps the contract, and fields that it does not know', () => {
    const fields = { code: 'AB-1', mail: 'a@b.c', n: 5, big: -1, byte: 255, x: 0.5, price: 1234.56, day: '2013-12-31' };
    const more = {
      at: '2013-02-01T01:00:00+01:00',
      tags: [1, 2],
      flag: true,
      kind: 'a',
      hint: 'other',
      'odd name': { v: 1 },
    };
    expect(check({ ...fields, ...more, unknown: { deep: [] } })).toEqual([]);
    const nulls = Object.fromEntries(Object.keys({ ...fields, ...more }).map((name) => [name, null]));
    expect(check(nulls)).toEqual([]);
  });

  it.each<[object | null, string, string, string]>([
    [{ id: undefined }, 'missing_required', '$.payload.id', 'id is required'],
    [{ id: null }, 'missing_required', '$.payload.id', 'id is required and must not be null'],
    [{ id: 7 }, 'wrong_type', '$.payload.id', 'id must be a string'],
    [{ id: 'x' }, 'invalid_length', '$.payload.id', 'id must have 2 characters at least'],
    [{ id: '12345' }, 'invalid_length', '$.payload.id', 'id must have 4 characters at most'],
    [{ code: 'AB1' }, 'invalid_format', '$.payload.code', 'code must match ^[A-Z]{2}-\\d+$'],
    [{ code: `AB-${'1'.repeat(300)}` }, 'invalid_length', '$.payload.code', 'code must have 256 characters at most'],
    [{ mail: 'nobody' }, 'invalid_format', '$.payload.mail', 'mail must have the format email'],
    [{ n: '5' }, 'wrong_type', '$.payload.n', 'n must be a whole number'],
    [{ n: 5.5 }, 'wrong_type', '$.payload.n', 'n must be a whole number'],
    [{ n: -5 }, 'out_of_range', '$.payload.n', 'n must be 0 or more'],
    [{ n: 15 }, 'out_of_range', '$.payload.n', 'n must be 10 or less'],
    [{ n: 7 }, 'out_of_range', '$.payload.n', 'n must be a multiple of 5'],
    [{ byte: 256 }, 'out_of_range', '$.payload.byte', 'byte must be 255 or less'],
    [{ big: 1e19 }, 'out_of_range', '$.payload.big', 'big must fit a 64-bit integer'],
    [{ x: 1 }, 'out_of_range', '$.payload.x', 'x must be less than 1'],
    [{ x: 0 }, 'out_of_range', '$.payload.x', 'x must be more than 0'],
    [{ x: Infinity }, 'wrong_type', '$.payload.x', 'x must be a number'],
    [
      { price: 0.125 },
      'out_of_range',
      '$.payload.price',
      'price must have 4 digits before and 2 behind the point at most',
    ],
    [
      { price: 12345.5 },
      'out_of_range',
      '$.payload.price',
      'price must have 4 digits before and 2 behind the point at most',
    ],
    [{ day: '2013-02-29' }, 'invalid_date', '$.payload.day', 'day must be a date of the calendar, as in 2013-02-01'],
    [{ day: '2014-01-01' }, 'out_of_range', '$.payload.day', 'day must be not before 2013-02-01 and before 2014-01-01'],
    [
      { at: '2013-02-01 00:00:00Z' },
      'invalid_timestamp',
      '$.payload.at',
      'at must be an RFC 3339 timestamp with its offset, as in 2013-02-01T10:00:00Z',
    ],
    [
      { at: '2013-02-01T00:59:59.9+01:00' },
      'out_of_range',
      '$.payload.at',
      'at must be not before 2013-02-01T00:00:00Z',
    ],
    [{ tags: [] }, 'invalid_length', '$.payload.tags', 'tags must have 1 elements at least'],
    [{ tags: [1, 1] }, 'duplicate_items', '$.payload.tags', 'tags must not hold a value twice'],
    [{ tags: [1, 'a'] }, 'wrong_type', '$.payload.tags[1]', 'tags must be a whole number'],
    [{ tags: {} }, 'wrong_type', '$.payload.tags', 'tags must be a list'],
    [{ flag: 1 }, 'wrong_type', '$.payload.flag', 'flag must be true or false'],
    [{ kind: 'c' }, 'unknown_value', '$.payload.kind', 'kind must be one of a, b'],
    [{ 'odd name': {} }, 'missing_required', "$.payload['odd name'].v", 'odd name.v is required'],
    [{ 'odd name': [] }, 'wrong_type', "$.payload['odd name']", 'odd name must be an object'],
  ])('refuses %j as %s', (fields, reason, path, rule) => {
    expect(check(fields as object)).toEqual([{ reason, path, rule }]);
    expect(VIOLATION_REASONS).toHaveProperty(reason);
  });

  it.each([[null], [[]], ['text'], [7]])('refuses %j for a payload', (payload) => {
    expect(contract.validate(payload)).toMatchObject([{ path: '$.payload' }]);
  });

  it('never shows the offending value', () => {
    expect(JSON.stringify(check({ mail: 'secret', kind: 'secret', at: 'secret', code: 'secret' }))).not.toContain(
      'secret',
    );
  });

  // Both are the double 9223372036854775808: only the digits tell them apart.
  it.each([
    ['9223372036854775807', true],
    ['-9223372036854775808', true],
    ['9223372036854775808', false],
    ['-9223372036854775809', false],
    ['9223372036854775807.0', false],
  ])('decides by the digits whether %s fits 64 bits', (digits, fits) => {
    const payloadJson = `{"id":"ok","big":${digits}}`;
    const violations = contract.validate(JSON.parse(payloadJson), { payloadJson });
    expect(violations.map(({ path }) => path)).toEqual(fits ? [] : ['$.payload.big']);
  });

  it('finds equal elements of any kind, in time that grows with their number, whatever their fields are called', () => {
    const lists = compile(
      loadContract(
        CONTRACT.replace(
          'items: { logicalType: integer, required: true }, logicalTypeOptions: { minItems: 1, maxItems: 2, uniqueItems: true }',
          'logicalTypeOptions: { uniqueItems: true }',
        ),
      ),
    );
    const check = (tags: unknown[]): readonly Violation[] => lists.validate({ id: 'ok', tags });
    const many = Array.from({ length: 50_000 }, (_, i) => ({ valueOf: i, toString: null }));
    expect(check(many)).toEqual([]);
    expect(check([...many, { toString: null, valueOf: 7 }])).toMatchObject([{ reason: 'duplicate_items' }]);
    expect(check([{ a: Infinity }, { a: '\ud800' }, { a: 'Infinity' }])).toEqual([]);
    expect(check([1, '1', [1], { a: 1 }, null, 'null', '[1]', true, 'true'])).toEqual([]);
    expect(
      check([
        { a: 1, b: [2] },
        { b: [2], a: 1 },
      ]),
    ).toMatchObject([{ reason: 'duplicate_items' }]);
  });

  it('goes on checking the rest of a payload with such an integer', () => {
    const payloadJson = '{"id":"ok","big":9223372036854775807,"kind":"c"}';
    expect(contract.validate(JSON.parse(payloadJson), { payloadJson })).toMatchObject([{ path: '$.payload.kind' }]);
  });
});
