import fc from 'fast-check';
import { ContractError } from '../contract-error';
import { readCatalogDir } from '../index';
import { parseJsonSchema } from '../json-schema/parse';
import { jsonSchemaValidator } from '../json-schema/validator';
import { loadContract } from '../load-contract';
import { documentArbitrary } from '../testing/arbitrary-document';
import { modelOf } from '../testing/contract-model';
import { payloadArbitrary } from '../testing/arbitrary-payload';
import { createValidator } from '../validator';
import { contractFromJsonSchema } from './from-json-schema';
import { contractToJsonSchema } from './to-json-schema';

const OPTIONS = { name: 'imported', version: '1.0.0', eventTypes: ['imported'] };
const imported = (schema: object) => contractFromJsonSchema(JSON.stringify(schema), OPTIONS);
const load = (document: object) => loadContract(JSON.stringify(document));
describe('a contract as JSON Schema', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(documentArbitrary, (document) => {
        const contract = load(document);
        const back = load(imported(contractToJsonSchema(contract).schema).document);
        expect(modelOf(back)).toEqual(modelOf(contract));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('lets through what the contract lets through, but for the losses listed', () => {
    const seen = { same: 0, refused: 0 };
    fc.assert(
      fc.property(documentArbitrary, fc.integer(), (document, seed) => {
        const contract = load(document);
        const { schema, losses } = contractToJsonSchema(contract);
        const validate = createValidator(contract);
        const accepts = jsonSchemaValidator(parseJsonSchema(JSON.stringify(schema)));
        for (const payload of fc.sample(payloadArbitrary(contract.properties), { numRuns: 20, seed })) {
          const json: unknown = JSON.parse(JSON.stringify(payload));
          const [ours, theirs] = [validate(json).length === 0, accepts(json)];
          if (losses.length > 0) {
            if (ours) expect([json, theirs]).toEqual([json, true]);
            continue;
          }
          expect([json, theirs]).toEqual([json, ours]);
          seen[ours ? 'same' : 'refused']++;
        }
      }),
      { numRuns: 25, seed: 11 },
    );
    expect(seen.same).toBeGreaterThan(60);
    expect(seen.refused).toBeGreaterThan(10);
  });

  it('of the catalog comes back too, and loses nothing', () => {
    for (const { yaml } of readCatalogDir()) {
      const contract = loadContract(yaml);
      const { schema, losses } = contractToJsonSchema(contract);
      expect(losses).toEqual([]);
      expect(modelOf(load(imported(schema).document))).toEqual(modelOf(contract));
    }
  });

  it('that a person changed since is what it says now', () => {
    const [{ yaml }] = readCatalogDir();
    const { schema } = contractToJsonSchema(loadContract(yaml));
    const fields = schema.properties as Record<string, Record<string, unknown>>;
    const changed = {
      ...schema,
      properties: {
        ...fields,
        status: { ...fields.status, maxLength: 7, enum: undefined },
        lane: { ...fields.lane, type: 'integer' },
      },
    };
    const properties = load(imported(changed).document).properties;
    expect(properties.find(({ name }) => name === 'status')).toMatchObject({ limits: { maxLength: 7 }, values: null });
    expect(properties.find(({ name }) => name === 'lane')).toMatchObject({ logicalType: 'integer' });
  });
});

describe('a JSON Schema as contract', () => {
  it('keeps types, limits, values and texts; the rest is listed', () => {
    const { document, losses } = imported({
      $schema: 'http://json-schema.org/draft-04/schema#',
      description: 'An order.',
      type: 'object',
      required: ['id', 'at'],
      definitions: { money: { type: 'number', multipleOf: 0.01, minimum: 0, exclusiveMinimum: true } },
      properties: {
        id: { type: 'string', minLength: 1 },
        at: { type: 'string', format: 'date-time' },
        'unit price': { $ref: '#/definitions/money', description: 'In euros.' },
        state: { enum: ['new', 'paid', null] },
        lines: {
          type: 'array',
          minItems: 1,
          items: { type: 'object', properties: { sku: { type: 'string' } }, additionalProperties: false },
        },
        either: { type: ['string', 'integer'] },
      },
      patternProperties: { '^x-': {} },
    });
    const contract = load(document);
    expect(contract).toMatchObject({ name: 'imported', doc: 'An order.', eventTypes: ['imported'] });
    expect(contract.properties).toMatchObject([
      { name: 'id', logicalType: 'string', required: true, limits: { minLength: 1 } },
      { name: 'at', logicalType: 'timestamp', required: true },
      {
        name: 'unit price',
        physicalName: 'unit_price',
        decimal: { precision: 15, scale: 2 },
        limits: { exclusiveMinimum: 0 },
        doc: 'In euros.',
      },
      { name: 'state', logicalType: 'string', required: false, values: ['new', 'paid'] },
      { name: 'lines', logicalType: 'array', limits: { minItems: 1 }, items: { properties: [{ name: 'sku' }] } },
      { name: 'either', anyValue: true },
    ]);
    expect(losses.map(({ path, what }) => `${path} ${what}`)).toEqual([
      '$ patternProperties',
      "$.lines['*'] additionalProperties",
      '$.either several types',
    ]);
  });

  it('of several forms takes whatever one of them does', () => {
    let taken = 0;
    fc.assert(
      fc.property(documentArbitrary, documentArbitrary, fc.integer(), (one, other, seed) => {
        const contracts = [one, other].map(load);
        const forms = contracts.map((contract) => withoutOdcs(contractToJsonSchema(contract).schema));
        const accepts = jsonSchemaValidator(parseJsonSchema(JSON.stringify({ anyOf: forms })));
        const validate = createValidator(load(imported({ anyOf: forms }).document));
        for (const { properties } of contracts)
          for (const payload of fc.sample(payloadArbitrary(properties), { numRuns: 10, seed })) {
            const json: unknown = JSON.parse(JSON.stringify(payload));
            if (!accepts(json)) continue;
            expect([json, validate(json)]).toEqual([json, []]);
            taken++;
          }
      }),
      { numRuns: 30, seed: 5 },
    );
    expect(taken).toBeGreaterThan(100);
  });
  const withoutOdcs = (schema: object): object =>
    JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === 'x-odcs' ? undefined : value))) as object;

  it('that requires a field which may be null says so, both ways', () => {
    const { document, losses } = imported({
      type: 'object',
      required: ['reason', 'any'],
      properties: { reason: { type: ['string', 'null'] }, any: {}, none: { type: 'null' } },
    });
    expect(losses.map(({ path, what }) => `${path} ${what}`)).toEqual(['$.none null alone']);
    const contract = load(document);
    expect(contract.properties).toMatchObject([
      { name: 'reason', required: false, present: true },
      { name: 'any', required: false, present: true, anyValue: true },
      { name: 'none', required: false, anyValue: true },
    ]);
    const validate = createValidator(contract);
    expect(validate({ reason: null, any: 1 })).toEqual([]);
    expect(validate({ any: 1 })).toMatchObject([{ path: '$.payload.reason', rule: 'reason is required' }]);
    const { schema } = contractToJsonSchema(contract);
    expect(schema.required).toEqual(['reason', 'any']);
    expect(modelOf(load(imported(schema).document))).toEqual(modelOf(contract));
    // Sent no more, it is taken from the contract.
    expect(load(imported({ ...schema, required: [] }).document).properties[0].present).toBeUndefined();
  });

  const cycle = { type: 'object', properties: { next: { $ref: '#' } } };
  const doubling = (levels: number): object => {
    const $defs: Record<string, object> = { [`d${levels}`]: { type: 'string' } };
    for (let i = 0; i < levels; i++) {
      const next = { $ref: `#/$defs/d${i + 1}` };
      $defs[`d${i}`] = { type: 'object', properties: { a: next, b: next } };
    }
    return { $ref: '#/$defs/d0', $defs };
  };

  it.each<[string, object, string]>([
    ['contains itself', cycle, '$.next'],
    ['unfolds without end', doubling(28), '$.a.a'],
    ['is about no object', { type: 'array' }, '#'],
  ])('that %s is refused, naming the place', (_, schema, place) => {
    expect(() => imported(schema)).toThrow(ContractError);
    try {
      imported(schema);
    } catch (error) {
      expect((error as ContractError).problems[0].path).toContain(place);
    }
  });
});
