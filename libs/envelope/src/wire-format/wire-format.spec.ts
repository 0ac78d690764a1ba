import { Type } from 'avsc';
import fc from 'fast-check';
import { ITEM_BYTES_MAX } from '../limits';
import { compileWireSchema, decodeWireFormat, isWireFormat, type WireSchema } from './decode';
import { decodeSchemaFile, encodeSchemaFile, schemaFilePath } from './schema-file';

const avro = (schema: unknown, id = 7): WireSchema =>
  compileWireSchema({ id, type: 'AVRO', text: JSON.stringify(schema) });
const framed = (body: Buffer, id = 7): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, body]);
};
const read = (schema: WireSchema, body: Buffer) =>
  decodeWireFormat(framed(body, schema.id), (id) => (id === schema.id ? schema : undefined));
const valueOf = (schema: unknown, body: Buffer): unknown => {
  const decoded = read(avro(schema), body);
  return decoded.ok ? JSON.parse(decoded.json.toString()) : decoded.refusal.reason;
};
const textOf = (schema: unknown, body: Buffer): string => {
  const decoded = read(avro(schema), body);
  return decoded.ok ? decoded.json.toString() : decoded.refusal.reason;
};

const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'order_id', type: 'string' },
    {
      name: 'lines',
      type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'n', type: 'int' }] } },
    },
    { name: 'tags', type: { type: 'map', values: ['null', 'string', 'boolean'] } },
    { name: 'status', type: { type: 'enum', name: 'Status', symbols: ['open', 'paid'] } },
    { name: 'ratio', type: 'double' },
    { name: 'f', type: 'float' },
    { name: 'parent', type: ['null', 'Order'], default: null },
  ],
};

describe('Avro values', () => {
  const type = Type.forSchema(ORDER as never);
  const value = {
    ...{ order_id: 'ö-1', lines: [{ n: 1 }, { n: -2_147_483_648 }], tags: { a: null, b: 'x', c: true } },
    ...{ status: 'paid', ratio: 0.1, f: 0.5 },
    parent: null as unknown,
  };

  test('are the values that another encoder wrote', () => {
    const nested = { ...value, parent: { ...value, status: 'open' } };
    expect(valueOf(ORDER, type.toBuffer(nested))).toEqual(nested);
  });

  test('any value of any of many schemas comes back', () => {
    const schemas = [
      ORDER,
      { type: 'array', items: ['null', 'long', { type: 'map', values: 'string' }] },
      { type: 'map', values: { type: 'array', items: 'boolean' } },
    ];
    for (const schema of schemas) {
      const known = Type.forSchema(schema as never);
      for (let i = 0; i < 100; i++) {
        const random = known.fromBuffer(known.toBuffer(known.random()));
        expect(valueOf(schema, known.toBuffer(random))).toEqual(JSON.parse(JSON.stringify(random)));
      }
    }
  });

  test('longs keep their digits', () => {
    const long = (hex: string) => textOf('long', Buffer.from(hex, 'hex'));
    expect(long('feffffffffffffffff01')).toBe('9223372036854775807');
    expect(long('ffffffffffffffffff01')).toBe('-9223372036854775808');
    expect([long('00'), long('01'), long('8001'), long('ffffffff0f'), long('feffffff0f')]).toEqual([
      '0',
      '-1',
      '64',
      '-2147483648',
      '2147483647',
    ]);
  });

  test('logical types are written as contracts read them', () => {
    const of = (type: string, logicalType: string, body: Buffer, more = {}) =>
      textOf({ type, logicalType, ...more }, body);
    const long = (value: number) => Type.forSchema('long').toBuffer(value);
    expect(of('int', 'date', Type.forSchema('int').toBuffer(15_706))).toBe('"2013-01-01"');
    expect(of('int', 'date', Type.forSchema('int').toBuffer(-1))).toBe('"1969-12-31"');
    expect(of('long', 'timestamp-millis', long(-1))).toBe('"1969-12-31T23:59:59.999Z"');
    expect(of('long', 'timestamp-micros', long(1_500_000))).toBe('"1970-01-01T00:00:01.500000Z"');
    expect(of('long', 'time-micros', long(3_600_000_001))).toBe('"01:00:00.000001"');
    expect(of('long', 'time-micros', long(86_400_000_000))).toBe('invalid_wire_format');
    expect(of('long', 'timestamp-millis', Type.forSchema('long').toBuffer(8e15))).toBe('invalid_wire_format');
    const decimal = (bytes: number[], scale: number) =>
      of('bytes', 'decimal', Buffer.from([bytes.length * 2, ...bytes]), { precision: 20, scale });
    expect([decimal([0x04, 0xd2], 2), decimal([0xff], 2), decimal([], 0), decimal([0x80], 0)]).toEqual([
      '12.34',
      '-0.01',
      '0',
      '-128',
    ]);
    // Where the logical type does not fit, the specification says to take the type alone.
    expect(of('string', 'date', Buffer.from([2, 65]))).toBe('"A"');
  });
});

describe('hostile input', () => {
  const long = (value: number) => Type.forSchema('long').toBuffer(value);

  test('every prefix of a value is refused, and so is what follows one', () => {
    const body = Type.forSchema(ORDER as never).toBuffer({
      ...{ order_id: 'x', lines: [{ n: 1 }], tags: { a: 'b' }, status: 'open', ratio: 1, f: 1, parent: null },
    });
    for (let end = 0; end < body.length; end++)
      expect(valueOf(ORDER, body.subarray(0, end))).toBe('invalid_wire_format');
    expect(valueOf(ORDER, Buffer.concat([body, Buffer.from([0])]))).toBe('invalid_wire_format');
  });

  test('blocks that announce more than there is, or items of no bytes, end at a limit', () => {
    const nulls = { type: 'array', items: 'null' };
    const huge = Buffer.from('feffffffffffffffff01', 'hex');
    expect(valueOf(nulls, long(2 ** 50))).toBe('item_too_large');
    expect(valueOf(nulls, huge)).toBe('item_too_large');
    expect(valueOf({ type: 'array', items: { type: 'record', name: 'E', fields: [] } }, long(2 ** 40))).toBe(
      'item_too_large',
    );
    expect(valueOf({ type: 'array', items: 'string' }, long(2 ** 40))).toBe('invalid_wire_format');
    // A negative count says how many bytes follow; the most negative has no positive.
    expect(valueOf(nulls, Buffer.concat([Buffer.from('ffffffffffffffffff01', 'hex'), long(0)]))).toBe('item_too_large');
    expect(valueOf('string', long(2 ** 40))).toBe('invalid_wire_format');
    expect(valueOf('bytes', long(-1))).toBe('invalid_wire_format');
    expect(valueOf('bytes', Buffer.concat([long(ITEM_BYTES_MAX), Buffer.alloc(ITEM_BYTES_MAX)]))).toBe(
      'item_too_large',
    );
  });

  test('a value that nests without end is refused', () => {
    const list = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] };
    expect(valueOf(list, Buffer.alloc(100_000, 2))).toBe('too_deep');
  });

  test('numbers, booleans, enums and unions beyond their range are refused', () => {
    expect(valueOf('int', long(2 ** 31))).toBe('invalid_wire_format');
    expect(valueOf('long', Buffer.alloc(11, 0xff))).toBe('invalid_wire_format');
    expect(valueOf('boolean', Buffer.from([2]))).toBe('invalid_wire_format');
    expect(valueOf({ type: 'enum', name: 'E', symbols: ['a'] }, long(1))).toBe('invalid_wire_format');
    expect(valueOf(['null', 'int'], long(-1))).toBe('invalid_wire_format');
    expect(valueOf('double', Buffer.from('000000000000f87f', 'hex'))).toBe('invalid_number');
    expect(valueOf('string', Buffer.from([2, 0xff]))).toBe('invalid_utf8');
  });

  test('an id that nobody registered, and what is no such message', () => {
    const none = () => undefined;
    expect(decodeWireFormat(framed(Buffer.alloc(1), 12), none)).toMatchObject({
      ok: false,
      schemaId: 12,
      refusal: { reason: 'unknown_schema' },
    });
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(4), Buffer.from('{"event_type":"a"}')]) {
      expect(isWireFormat(bytes)).toBe(false);
      expect(decodeWireFormat(bytes, none)).toMatchObject({ ok: false, refusal: { reason: 'invalid_wire_format' } });
    }
  });

  test('any bytes under any schema are a value or a refusal', () => {
    const schemas = [ORDER, { type: 'array', items: 'null' }, { type: 'map', values: ['null', 'long', 'bytes'] }].map(
      (s) => avro(s),
    );
    fc.assert(
      fc.property(fc.constantFrom(...schemas), fc.uint8Array({ maxLength: 64 }), (schema, bytes) => {
        const decoded = read(schema, Buffer.from(bytes));
        if (decoded.ok) JSON.parse(decoded.json.toString());
      }),
      { numRuns: 500 },
    );
  });
});

test('of a JSON schema the value is the text behind the id', () => {
  const schema = compileWireSchema({ id: 9, type: 'JSON', text: '{"type":"object"}' });
  const decoded = read(schema, Buffer.from('{"a":1}'));
  expect(decoded).toMatchObject({ ok: true, schemaId: 9 });
  expect(decoded.ok && decoded.json.toString()).toBe('{"a":1}');
});

test('a schema file says what was registered', () => {
  const file = { id: 3, type: 'AVRO', text: '"string"' } as const;
  expect(schemaFilePath(3)).toBe('schemas/ids/0000000003.json');
  expect(decodeSchemaFile(encodeSchemaFile(file))).toEqual(file);
  expect(() => decodeSchemaFile(Buffer.from('{"id":1}'))).toThrow('not a schema file');
});
