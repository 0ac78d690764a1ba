import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { compile, type CompiledContract } from './compile';
import { loadContract } from './load-contract';

/** One field of each kind, required and not, deep and shallow, with names that need care in SQL. */
const CONTRACT = `
apiVersion: v3.1.0
kind: DataContract
id: everything
name: everything
version: 1.0.0
status: active
schema:
  - name: everything
    properties:
      - { name: text, logicalType: string, required: true }
      - { name: "odd 'name' \\"here\\"", physicalName: odd, logicalType: string }
      - { name: whole, logicalType: integer, required: true }
      - { name: small, logicalType: integer, logicalTypeOptions: { format: i32 } }
      - { name: real, logicalType: number }
      - { name: price, logicalType: number, physicalType: 'decimal(12,3)' }
      - { name: flag, logicalType: boolean }
      - { name: day, logicalType: date }
      - { name: moment, logicalType: timestamp }
      - { name: clock, logicalType: time }
      - { name: tags, logicalType: array, items: { logicalType: integer } }
      - { name: free, logicalType: object }
      - name: firm
        logicalType: object
        properties:
          - { name: a, logicalType: integer, required: true }
          - name: deep
            logicalType: object
            properties: [{ name: b, logicalType: string, required: true }]
      - name: loose
        logicalType: object
        properties:
          - { name: a, logicalType: integer }
          - { name: at, logicalType: timestamp }
          - name: deeper
            logicalType: object
            properties: [{ name: c, logicalType: boolean }]
      - { name: secret, logicalType: string, classification: restricted }
customProperties:
  - { property: eventTypes, value: [everything] }
`;

describe('staging', () => {
  const contract: CompiledContract = compile(loadContract(CONTRACT));
  let duck: DuckDBConnection;

  beforeAll(async () => {
    duck = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
    await duck.run("SET TimeZone='UTC'");
  });
  afterAll(() => duck.closeSync());

  async function stage(payloadJson: string): Promise<Record<string, unknown>> {
    const sql = `SELECT ${contract.typedSelect.join(', ')} FROM (${contract.typedRows('(SELECT $1::VARCHAR AS payload)')})`;
    const rows = (await duck.runAndReadAll(sql, [payloadJson])).getRowObjects();
    return Object.fromEntries(Object.entries(rows[0]).map(([name, value]) => [name, plain(value)]));
  }

  /** Timestamps as microseconds, dates and decimals as text, integers as bigint. */
  function plain(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    return 'micros' in value ? value.micros : String(value);
  }

  const MINIMAL = { text: 'x', whole: 1 };
  const accepted = (json: string): boolean => contract.validate(JSON.parse(json), { payloadJson: json }).length === 0;

  it('gives each column its type', async () => {
    const sql = `DESCRIBE SELECT ${contract.typedSelect.join(', ')} FROM (${contract.typedRows(`(SELECT '{}' AS payload)`)})`;
    const rows = (await duck.runAndReadAll(sql)).getRowObjects();
    expect(rows.map((row) => `${row.column_name} ${row.column_type}`)).toEqual([
      'text VARCHAR',
      'odd VARCHAR',
      'whole BIGINT',
      'small INTEGER',
      'real DOUBLE',
      'price DECIMAL(12,3)',
      'flag BOOLEAN',
      'day DATE',
      'moment TIMESTAMP WITH TIME ZONE',
      'clock VARCHAR',
      'tags VARCHAR',
      'free VARCHAR',
      'firm_a BIGINT',
      'firm_deep_b VARCHAR',
      'loose_a BIGINT',
      'loose_at TIMESTAMP WITH TIME ZONE',
      'loose_deeper_c BOOLEAN',
    ]);
  });

  // What a producer may write → what the columns hold. Each line was a silent change somewhere in the stack.
  it.each<[string, Record<string, unknown>]>([
    ['{"text":"\\u0073\\"\\\\\\n\\ud83d\\ude00é","whole":529.0}', { text: 's"\\\n😀é', whole: 529n }],
    ['{"text":"","whole":1e3}', { text: '', whole: 1000n }],
    ['{"text":"a\\u0000b","whole":-0}', { text: 'a\0b', whole: 0n }],
    ['{"text":"null","whole":9007199254740993}', { text: 'null', whole: 9007199254740993n }],
    ['{"text":"12","whole":9223372036854775807}', { text: '12', whole: 9223372036854775807n }],
    ['{"text":"x","whole":-9223372036854775808}', { whole: -9223372036854775808n }],
    ['{"text":"x","whole":1E18}', { whole: 1000000000000000000n }],
    ['{"te\\u0078t":"x","whole":1,"Text":2,"WHOLE":"y"}', { text: 'x', whole: 1n }],
    ['{"text":"x","whole":1,"unknown":1e400,"more":12345678901234567890123}', { text: 'x', whole: 1n }],
    ['{"text":"x","whole":1,"odd \'name\' \\"here\\"":"o"}', { odd: 'o' }],
    ['{"text":"x","whole":1,"real":12345678901234567890123}', { real: Number('12345678901234567890123') }],
    ['{"text":"x","whole":1,"real":5e-324,"price":1.005}', { real: 5e-324, price: '1.005' }],
    [
      '{"text":"x","whole":1,"price":-123456789.125,"small":-2147483648}',
      { price: '-123456789.125', small: -2147483648 },
    ],
    ['{"text":"x","whole":1,"moment":"2013-01-31t10:00:00.1234567z"}', { moment: 1359626400123456n }],
    ['{"text":"x","whole":1,"moment":"2013-01-31T10:00:00+05:30"}', { moment: 1359606600000000n }],
    ['{"text":"x","whole":1,"moment":"2012-02-29T23:59:59-23:59"}', { moment: 1330646339000000n }],
    ['{"text":"x","whole":1,"day":"2000-02-29","clock":"10:00:00.5"}', { day: '2000-02-29', clock: '10:00:00.5' }],
    [
      '{"text":"x","whole":1,"firm":null,"loose":null,"tags":null}',
      { firm_a: null, firm_deep_b: null, loose_a: null, tags: null },
    ],
    ['{"text":"x","whole":1,"firm":{"a":3}}', { firm_a: 3n, firm_deep_b: null }],
    ['{"text":"x","whole":1,"loose":{}}', { loose_a: null, loose_at: null, loose_deeper_c: null }],
    [
      '{"text":"x","whole":1,"loose":{"a":2,"at":"2013-01-31T10:00:00Z","deeper":{"c":false}}}',
      { loose_a: 2n, loose_deeper_c: false },
    ],
  ])('stages %s exactly', async (json, expected) => {
    expect(contract.validate(JSON.parse(json), { payloadJson: json })).toEqual([]);
    expect(await stage(json)).toMatchObject(expected);
  });

  // Never seen after validation; were it ever, the batch must stop rather than land something else than was sent.
  it.each([
    ['a number in quotes', '{"text":"x","whole":"12"}'],
    ['a fraction', '{"text":"x","whole":1.6}'],
    ['a boolean for a number', '{"text":"x","whole":true}'],
    ['a number for a boolean', '{"text":"x","whole":1,"flag":1}'],
    ['a text for a boolean', '{"text":"x","whole":1,"flag":"true"}'],
    ['a number for a text', '{"text":12,"whole":1}'],
    ['an object for a text', '{"text":{},"whole":1}'],
    ['a missing field', '{"whole":1}'],
    ['null in a required field', '{"text":null,"whole":1}'],
    ['more than 64 bits', '{"text":"x","whole":9223372036854775808}'],
    ['a whole double beyond 64 bits', '{"text":"x","whole":1e19}'],
    ['more than 32 bits', '{"text":"x","whole":1,"small":2147483648}'],
    ['a number beyond doubles', '{"text":"x","whole":1,"real":1e400}'],
    ['too many decimal places', '{"text":"x","whole":1,"price":0.1255}'],
    ['too large a decimal', '{"text":"x","whole":1,"price":1234567890.5}'],
    ['a decimal in quotes', '{"text":"x","whole":1,"price":"0.1"}'],
    ['30 February', '{"text":"x","whole":1,"day":"2013-02-30"}'],
    ['a date without zeros', '{"text":"x","whole":1,"day":"2013-2-1"}'],
    ['a number for a date', '{"text":"x","whole":1,"day":20130201}'],
    ['a timestamp without offset', '{"text":"x","whole":1,"moment":"2013-01-31T10:00:00"}'],
    ['a leap second', '{"text":"x","whole":1,"moment":"2016-12-31T23:59:60Z"}'],
    ['seconds for a timestamp', '{"text":"x","whole":1,"moment":1700000000}'],
    ['an object for a list', '{"text":"x","whole":1,"tags":{}}'],
    ['a list for an object', '{"text":"x","whole":1,"free":[]}'],
    ['a text for an object with required fields', '{"text":"x","whole":1,"firm":"y"}'],
    ['an object without its required field', '{"text":"x","whole":1,"firm":{}}'],
    ['a list for an inner object', '{"text":"x","whole":1,"firm":{"a":1,"deep":[]}}'],
    ['a text for an object without required fields', '{"text":"x","whole":1,"loose":"y"}'],
    ['a number for an inner object', '{"text":"x","whole":1,"loose":{"deeper":1}}'],
  ])('fails loudly on %s, which validation refuses too', async (_what, json) => {
    expect(accepted(json)).toBe(false);
    await expect(stage(json)).rejects.toThrow();
  });

  const int64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: -20n, max: 20n }));
  const fraction = fc.stringMatching(/^(\.[0-9]{1,9})?$/);
  const offset = fc.oneof(fc.constantFrom('Z', 'z'), fc.stringMatching(/^[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]$/));
  const day = fc
    .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(-24, -14).padStart(10, '0'));
  const clock = fc.stringMatching(/^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$/);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('null', '"', '\\', '{}'),
  );
  const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

  /** Fields as JSON text, since a JavaScript number has no 64-bit integers. */
  const payload = fc.record({
    text,
    odd: optional(text),
    whole: int64,
    small: optional(fc.integer()),
    real: optional(fc.double({ noNaN: true, noDefaultInfinity: true })),
    price: optional(fc.integer({ min: -999_999_999_999, max: 999_999_999_999 }).map((units) => units / 1000)),
    flag: optional(fc.boolean()),
    day: optional(day),
    moment: optional(fc.record({ day, t: fc.constantFrom('T', 't'), clock, fraction, offset })),
    tags: optional(fc.array(fc.integer())),
    free: optional(
      fc.dictionary(
        fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
        fc.jsonValue(),
      ),
    ),
    firm: optional(fc.record({ a: int64, deep: optional(fc.record({ b: text })) })),
    loose: optional(fc.record({ a: int64, deeper: fc.record({ c: fc.boolean() }) }, { requiredKeys: [] })),
  });

  const bigints = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `\u0001${value}\u0001` : value;
  const toJson = (value: unknown): string => JSON.stringify(value, bigints).replace(/"\\u0001(-?\d+)\\u0001"/g, '$1');

  it('stages whatever validation accepts, as it was sent', async () => {
    await fc.assert(
      fc.asyncProperty(payload, async ({ odd, moment, ...fields }) => {
        const time =
          moment === null ? null : `${moment.day}${moment.t}${moment.clock}${moment.fraction}${moment.offset}`;
        const json = toJson({ ...fields, moment: time, ['odd \'name\' "here"']: odd });
        expect(contract.validate(JSON.parse(json), { payloadJson: json })).toEqual([]);
        const row = await stage(json);

        expect(row).toMatchObject({
          text: fields.text,
          odd,
          whole: fields.whole,
          small: fields.small,
          flag: fields.flag,
        });
        expect(row).toMatchObject({
          day: fields.day,
          firm_a: fields.firm?.a ?? null,
          firm_deep_b: fields.firm?.deep?.b ?? null,
        });
        expect(row).toMatchObject({
          loose_a: fields.loose?.a ?? null,
          loose_deeper_c: fields.loose?.deeper?.c ?? null,
        });
        expect(row.real === null ? null : Number(row.real) + 0).toBe(fields.real === null ? null : fields.real + 0);
        expect(row.price === null ? null : Number(row.price) + 0).toBe(fields.price === null ? null : fields.price + 0);
        expect(JSON.parse(String(row.tags))).toEqual(fields.tags);
        expect(JSON.parse(String(row.free))).toEqual(JSON.parse(JSON.stringify(fields.free)));
        const whole = time === null ? null : BigInt(Date.parse(time.toUpperCase().replace(/\.\d+/, ''))) * 1000n;
        const micros = BigInt((moment?.fraction ?? '').slice(1, 7).padEnd(6, '0'));
        expect(row.moment).toBe(whole === null ? null : whole + micros);
      }),
      { numRuns: 150 },
    );
  });

  it('stages or refuses any JSON in any field, and never differs from what JavaScript reads', async () => {
    const names = [
      'text',
      'whole',
      'small',
      'real',
      'price',
      'flag',
      'day',
      'moment',
      'clock',
      'tags',
      'free',
      'firm',
      'loose',
    ];
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        '2013-02-01',
        '2013-02-01T10:00:00Z',
        '10:00:00',
        1e18,
        0.1,
        529,
        '12',
        {},
        [],
        { a: 1 },
        { a: 'x' },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), value, async (name, sent) => {
        const json = JSON.stringify({ ...MINIMAL, [name]: sent });
        if (!accepted(json)) return;
        const row = await stage(json);
        if (sent === null || name === 'firm' || name === 'loose') return;
        if (name === 'tags' || name === 'free')
          expect(JSON.parse(String(row[name]))).toEqual(JSON.parse(JSON.stringify(sent)));
        else if (name === 'moment') expect(Number(row[name])).toBe(Date.parse(String(sent)) * 1000);
        else if (typeof sent === 'number') expect(Number(row[name]) + 0).toBe(sent + 0);
        else expect(row[name]).toBe(sent);
      }),
      { numRuns: 400 },
    );
  });
});
