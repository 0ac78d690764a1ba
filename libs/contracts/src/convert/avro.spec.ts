import fc from 'fast-check';
import { Type } from 'avsc';
import { ContractError } from '../contract-error';
import { parseAvroSchema } from '../avro/parse';
import { readCatalogDir } from '../index';
import { loadContract } from '../load-contract';
import { documentArbitrary } from '../testing/arbitrary-document';
import { modelOf } from '../testing/contract-model';
import { contractFromAvro } from './from-avro';
import { contractToAvro } from './to-avro';

const OPTIONS = { name: 'imported', version: '1.0.0', eventTypes: ['imported'] };
const imported = (schema: object) => contractFromAvro(JSON.stringify(schema), OPTIONS);
const load = (document: object) => loadContract(JSON.stringify(document));

describe('a contract as Avro', () => {
  it('is a schema for every implementation, and comes back as it was', () => {
    fc.assert(
      fc.property(documentArbitrary, (document) => {
        const contract = load(document);
        const { schema } = contractToAvro(contract);
        parseAvroSchema(JSON.stringify(schema));
        Type.forSchema(schema as never);
        expect(modelOf(load(imported(schema).document))).toEqual(modelOf(contract));
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('of the catalog comes back too, with every rule that Avro does not check listed', () => {
    for (const { yaml } of readCatalogDir()) {
      const contract = loadContract(yaml);
      const { schema, losses } = contractToAvro(contract);
      expect(modelOf(load(imported(schema).document))).toEqual(modelOf(contract));
      expect(losses).toContainEqual({
        path: '$.status',
        what: 'the list of values',
        why: expect.stringContaining('enum of Avro') as string,
      });
    }
  });
});

describe('an Avro schema as contract', () => {
  it('keeps types, values and texts; the rest is listed', () => {
    const { document, losses } = imported({
      type: 'record',
      name: 'com.example.Order',
      doc: 'An order.',
      fields: [
        { name: 'id', type: { type: 'string', logicalType: 'uuid' }, doc: 'Which.' },
        { name: 'state', type: { type: 'enum', name: 'State', symbols: ['NEW', 'PAID'] } },
        {
          name: 'price',
          type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }],
          default: null,
        },
        { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
        {
          name: 'lines',
          type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'string' }] } },
        },
        { name: 'labels', type: { type: 'map', values: 'string' } },
        { name: 'either', type: ['null', 'string', 'long'] },
      ],
    });
    expect(load(document).properties).toMatchObject([
      { name: 'id', required: true, limits: { format: 'uuid' }, doc: 'Which.' },
      { name: 'state', values: ['NEW', 'PAID'] },
      { name: 'price', required: false, decimal: { precision: 9, scale: 2 } },
      { name: 'at', logicalType: 'timestamp' },
      { name: 'lines', items: { required: true, properties: [{ name: 'sku', required: true }] } },
      { name: 'labels', logicalType: 'object', properties: [] },
      { name: 'either', anyValue: true, required: false },
    ]);
    expect(losses.map(({ path }) => path)).toEqual(['$.labels', '$.either']);
  });

  it('that contains itself is refused, naming the place', () => {
    const tree = { type: 'record', name: 'Tree', fields: [{ name: 'left', type: ['null', 'Tree'] }] };
    expect(() => imported(tree)).toThrow(ContractError);
    expect(() => imported(tree)).toThrow('$.left: contains itself');
  });
});
