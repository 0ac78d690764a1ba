import { ContractError } from '../contract-error';
import { checkSchemaCompatibility, schemaIdentity, type SchemaType } from './schemas';
import type { CompatibilityMode } from './verdict';

const check = (schemaType: SchemaType, mode: CompatibilityMode, proposed: object, ...previous: object[]) =>
  checkSchemaCompatibility({
    schemaType,
    mode,
    proposed: { version: String(previous.length + 1), schema: JSON.stringify(proposed) },
    previous: previous.map((schema, i) => ({ version: String(previous.length - i), schema: JSON.stringify(schema) })),
  });

const record = (...fields: object[]): object => ({ type: 'record', name: 'R', fields });
const a = { name: 'a', type: 'string' };
const b = { name: 'b', type: 'int' };
const bDefault = { ...b, default: 0 };

describe('modes', () => {
  const removed = { proposed: record(a), previous: record(a, b) };
  const added = { proposed: record(a, b), previous: record(a) };

  it.each<[CompatibilityMode, boolean, boolean]>([
    ['NONE', true, true],
    ['BACKWARD', true, false],
    ['FORWARD', false, true],
    ['FULL', false, false],
  ])('%s allows a field to be removed: %s, added without default: %s', (mode, mayRemove, mayAdd) => {
    expect(check('AVRO', mode, removed.proposed, removed.previous).compatible).toBe(mayRemove);
    expect(check('AVRO', mode, added.proposed, added.previous).compatible).toBe(mayAdd);
    expect(check('AVRO', `FULL`, record(a, bDefault), record(a)).compatible).toBe(true);
  });

  it('are transitive where they say so', () => {
    const versions = [record(a, bDefault), record(a)];
    expect(check('AVRO', 'BACKWARD', record(a, b), ...versions).compatible).toBe(true);
    const verdict = check('AVRO', 'BACKWARD_TRANSITIVE', record(a, b), ...versions);
    expect(verdict.against.map(({ version, findings }) => [version, findings.length])).toEqual([
      ['2', 0],
      ['1', 1],
    ]);
  });
});

describe('findings', () => {
  it('name place, rule, whom it breaks and what to do, with an example that was tried', () => {
    const [{ findings }] = check('AVRO', 'BACKWARD', record(a, b), record(a)).against;
    expect(findings).toEqual([
      {
        path: '$.b',
        rule: 'default_missing',
        message:
          'A producer of version 1 does not send b; version 2 reads it and has no default for it. New readers would refuse events that were sent under version 1.',
        breaks: 'backward',
        suggestion: 'Give b a default.',
        counterExample: { value: { a: 'a' } },
      },
    ]);
  });

  it('of a JSON Schema have an example of the whole value', () => {
    const before = { type: 'object', properties: { tags: { type: 'array', items: { type: 'string' } } } };
    const after = { type: 'object', properties: { tags: { type: 'array', items: { type: 'string', maxLength: 3 } } } };
    expect(check('JSON', 'FULL', after, before).against[0].findings).toMatchObject([
      {
        path: '$.tags[*]',
        rule: 'length_narrowed',
        breaks: 'backward',
        counterExample: { value: { tags: ['aaaa'] } },
      },
    ]);
  });
});

describe('JSON Schemas', () => {
  const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more });
  const node = { $ref: '#/$defs/node' };
  const tree = (value: object): object => ({ $ref: '#/$defs/node', $defs: { node: object({ value, next: node }) } });

  it.each<[string, object, object, readonly string[]]>([
    ['an optional field is added', object({ a: {}, b: { type: 'string' } }), object({ a: {} }), []],
    ['a required field is added', object({ a: {} }, { required: ['a'] }), object({}), ['field_required']],
    ['a type is widened', object({ a: { type: 'number' } }), object({ a: { type: 'integer' } }), []],
    ['a type is narrowed', object({ a: { type: 'integer' } }), object({ a: { type: 'number' } }), ['type_changed']],
    ['null is no longer taken', { type: 'string' }, { type: ['string', 'null'] }, ['null_refused']],
    ['a value is added', { enum: ['a', 'b'] }, { enum: ['a'] }, []],
    ['a value is taken away', { enum: ['a'] }, { enum: ['a', 'b'] }, ['value_refused']],
    ['objects are closed', object({}, { additionalProperties: false }), object({}), ['field_refused']],
    [
      'a closed object loses a field',
      object({}, { additionalProperties: false }),
      object({ a: {} }, { additionalProperties: false }),
      ['field_refused'],
    ],
    ['other fields get a type', object({}, { additionalProperties: { type: 'string' } }), object({}), ['type_changed']],
    ['a pattern is widened', { type: 'string', pattern: '^[a-z]+$' }, { type: 'string', pattern: '^[a-f]{2}$' }, []],
    [
      'a pattern is another',
      { type: 'string', pattern: '^[a-f]+$' },
      { type: 'string', pattern: '^[a-z]+$' },
      ['pattern'],
    ],
    [
      'draft 04 bounds are the same',
      { type: 'number', minimum: 1, exclusiveMinimum: true },
      { type: 'number', exclusiveMinimum: 1 },
      [],
    ],
    ['a choice gets more', { anyOf: [{ type: 'string' }, { type: 'null' }] }, { type: 'string' }, []],
    ['a choice gets less', { type: 'string' }, { oneOf: [{ type: 'string' }, { type: 'array' }] }, ['type_changed']],
    [
      'a tagged choice gets more',
      { oneOf: [object({ t: { const: 1 } }, { required: ['t'] }), object({ t: { const: 2 } }, { required: ['t'] })] },
      object({ t: { const: 1 } }, { required: ['t'] }),
      [],
    ],
    ['a schema contains itself', tree({ type: 'number' }), tree({ type: 'integer' }), []],
    ['a schema contains itself and is narrowed', tree({ type: 'integer' }), tree({ type: 'number' }), ['type_changed']],
    ['a rule that cannot be compared stays', { not: { type: 'null' } }, { not: { type: 'null' } }, []],
    ['a rule that cannot be compared is added', { not: { type: 'object' } }, {}, ['keyword']],
  ])('when %s', (_, proposed, previous, rules) => {
    const [{ findings }] = check('JSON', 'BACKWARD', proposed, previous).against;
    expect([...new Set(findings.map(({ rule }) => rule))]).toEqual(rules);
    for (const finding of findings) expect(finding.counterExample).not.toBeNull();
  });
});

describe('texts that are no schema', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 'string' : { type: 'array', items: nested(depth - 1) });
  const fields = Array.from({ length: 10_000 }, (_, i) => [`f${i}`, {}]);

  it.each<[SchemaType, unknown, string]>([
    ['AVRO', { type: 'record', name: 'R', fields: [{ name: 'x', type: 'strng' }] }, '$.fields[0].type'],
    ['AVRO', nested(200), '$.items'],
    ['AVRO', record(...fields.map(([name]) => ({ name, type: 'int' }))), '$.fields'],
    ['AVRO', record({ name: 'a', type: 'int', default: 'x' }), '$.fields[0].default'],
    ['JSON', { properties: { a: { type: 'strng' } } }, '#/properties/a/type'],
    ['JSON', { properties: { a: { $ref: '#/$defs/nowhere' } } }, '#/properties/a/$ref'],
    ['JSON', { properties: { a: { $ref: 'https://example.org/s.json' } } }, '#/properties/a/$ref'],
    [
      'JSON',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' },
      '#/$defs/a',
    ],
    ['JSON', { pattern: '(?=a)b' }, '#/pattern'],
    ['JSON', { pattern: '[' }, '#/pattern'],
    ['JSON', { properties: Object.fromEntries(fields) }, '#/properties'],
    ['JSON', { properties: { toString: {} } }, '#/properties/toString'],
    ['JSON', nested(200), '#/items'],
  ])('%s %j are refused, naming the place', (schemaType, schema, place) => {
    const text = JSON.stringify(schema);
    expect(() => schemaIdentity(schemaType, text)).toThrow(ContractError);
    try {
      schemaIdentity(schemaType, text);
    } catch (error) {
      expect((error as ContractError).problems[0].path.startsWith(place)).toBe(true);
    }
  });
});

describe('of alternatives of which exactly one must hold', () => {
  const keyed = (name: string, more: object = {}): object => ({
    type: 'object',
    properties: { [name]: {} },
    required: [name],
    ...more,
  });
  const oneOf = (...parts: object[]): object => ({ type: 'object', properties: { auth: { oneOf: parts } } });

  it('descriptions say nothing, also where a field is called as they are', () => {
    const described = keyed('b', { title: 'B', description: 'the second', examples: [{ b: 1 }] });
    expect(check('JSON', 'FULL', oneOf(keyed('a'), described), oneOf(keyed('a'), keyed('b'))).compatible).toBe(true);
    const named = (type: string): object => ({
      not: { properties: { description: { type } }, required: ['description'] },
    });
    expect(check('JSON', 'BACKWARD', named('string'), named('number')).compatible).toBe(false);
  });

  it('those that cannot hold together, for what stands beside them, are compared one by one', () => {
    const closed = (name: string, ...others: string[]): object =>
      keyed(name, {
        properties: Object.fromEntries([name, ...others].map((field) => [field, { type: 'string' }])),
        additionalProperties: false,
      });
    const connection = (...parts: object[]): object => ({ type: 'object', oneOf: parts });
    const [before, after] = [
      connection(closed('http'), closed('file')),
      connection(closed('http', 'key'), closed('file')),
    ];
    expect(check('JSON', 'BACKWARD', after, before)).toMatchObject({ compatible: true });
    expect(check('JSON', 'FORWARD', after, before)).toMatchObject({ compatible: false });
  });

  it('one more that holds together with another is shown by an event that is both', () => {
    const before = oneOf(keyed('a'), { type: 'null' });
    const { compatible, against } = check('JSON', 'BACKWARD', oneOf(keyed('a'), { type: 'null' }, keyed('b')), before);
    expect(compatible).toBe(false);
    expect(against[0].findings).toMatchObject([
      {
        path: '$.auth',
        rule: 'keyword',
        counterExample: { value: { auth: { a: expect.anything(), b: expect.anything() } } },
      },
    ]);
    expect(against[0].findings[0].message).toContain('version 2 checks "oneOf"');
  });
});

it('knows a schema again whatever the order of its keys', () => {
  const one = schemaIdentity('AVRO', '{"type":"record","name":"R","fields":[]}');
  expect(schemaIdentity('AVRO', '{ "name": "R", "fields": [], "type": "record" }')).toEqual(one);
  const documented = schemaIdentity('AVRO', '{"type":"record","name":"R","fields":[],"doc":"d"}');
  expect(documented.fingerprint).not.toBe(one.fingerprint);
  expect(documented.parsingFingerprint).toBe(one.parsingFingerprint);
});
