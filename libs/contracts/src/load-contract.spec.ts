import { parse, stringify } from 'yaml';
import { ContractError, type ContractProblem, loadContract, readCatalogDir } from './index';

type Json = Record<string, unknown>;

const BASE = `
apiVersion: v3.1.0
kind: DataContract
id: c1
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
      - { name: order_id, logicalType: string, required: true }
      - { name: total, logicalType: number }
      - { name: placed, logicalType: timestamp }
      - name: buyer
        logicalType: object
        properties: [{ name: id, logicalType: string, required: true }]
customProperties:
  - { property: eventTypes, value: [order.placed] }
`;

/** The base contract with something changed, as YAML. */
function changed(change: (root: Json, properties: Json[], custom: Json[]) => void): string {
  const root = parse(BASE) as Json;
  change(root, (root.schema as Json[])[0].properties as Json[], root.customProperties as Json[]);
  return stringify(root);
}

function problemsOf(yaml: string): readonly ContractProblem[] {
  try {
    loadContract(yaml);
    return [];
  } catch (error) {
    if (error instanceof ContractError) return error.problems;
    throw error;
  }
}

const custom = (property: string, value: unknown) => (_r: Json, _p: Json[], list: Json[]) =>
  void list.push({ property, value });
const property = (fields: Json) => (_r: Json, list: Json[]) =>
  void list.push({ name: 'x', logicalType: 'string', ...fields });

describe('loadContract', () => {
  it('fills in defaults', () => {
    expect(loadContract(BASE)).toMatchObject({
      name: 'orders',
      table: 'clean.orders',
      eventTypes: ['order.placed'],
      dedupe: { strategy: 'event_id', scope: 'events', windowDays: 30 },
      subjectPath: null,
      eventTimePath: null,
      facilityPath: null,
      latenessSeconds: null,
      enrichments: [],
      quality: { rows: [], batches: [] },
    });
  });

  it('reads our additions', () => {
    const yaml = changed((root, _properties, list) => {
      (root.schema as Json[])[0].physicalName = 'order_events';
      list.push({
        property: 'dedupe',
        value: { strategy: 'business_key', keys: ['$.payload.order_id', '$.event_time'], windowDays: 7 },
      });
      list.push({ property: 'subject', value: '$.payload.buyer.id' });
      list.push({ property: 'eventTime', value: '$.payload.placed' });
      list.push({ property: 'facility', value: '$.payload.order_id' });
      list.push({ property: 'table', value: 'clean.order_events' });
      list.push({ property: 'lateness', value: '90m' });
      list.push({ property: 'costCentre', value: { any: 'thing' } });
    });
    expect(loadContract(yaml)).toMatchObject({
      table: 'clean.order_events',
      dedupe: {
        strategy: 'business_key',
        scope: 'orders',
        windowDays: 7,
        paths: [['payload', 'order_id'], ['event_time']],
      },
      subjectPath: ['buyer', 'id'],
      eventTimePath: ['placed'],
      facilityPath: ['order_id'],
      latenessSeconds: 5400,
    });
  });

  it.each<[string, string, string]>([
    ['an unknown root key', changed((root) => void (root.eventTypes = [])), 'eventTypes'],
    ['another standard', changed((root) => void (root.apiVersion = 'v2.2.0')), 'apiVersion'],
    ['a number for a version', changed((root) => void (root.version = 1)), 'version'],
    ['a missing id', changed((root) => void delete root.id), 'id'],
    ['a missing status', changed((root) => void delete root.status), 'status'],
    ['a name that leaves its folder', changed((root) => void (root.name = '../x')), 'name'],
    ['a version that leaves its folder', changed((root) => void (root.version = '../1')), 'version'],
    [
      'two schema objects',
      changed((root) => void (root.schema as Json[]).push({ name: 'y', properties: [] })),
      'schema',
    ],
    ['an unknown key of a property', changed(property({ nullable: true })), 'schema[0].properties[4].nullable'],
    ['an unknown type', changed(property({ logicalType: 'text' })), 'schema[0].properties[4].logicalType'],
    ['no type', changed((_r, list) => void list.push({ name: 'x' })), 'schema[0].properties[4].logicalType'],
    ['a field listed twice', changed(property({ name: 'total' })), 'schema[0].properties[4].name'],
    ['fields that differ by case', changed(property({ name: 'Total' })), 'schema[0].properties[4].name'],
    ['a field that every object has', changed(property({ name: 'constructor' })), 'schema[0].properties[4].name'],
    ['__proto__', changed(property({ name: '__proto__' })), 'schema[0].properties[4].name'],
    ["a column of the envelope's name", changed(property({ name: 'source' })), 'schema[0].properties[4].name'],
    ['a lineage column', changed(property({ name: '_batch_id' })), 'schema[0].properties[4].name'],
    ['two fields of one column', changed(property({ name: 'buyer_id' })), 'schema[0].properties[4].name'],
    ['a name that no column may have', changed(property({ name: 'a b' })), 'schema[0].properties[4].name'],
    [
      'an option of another type',
      changed(property({ logicalTypeOptions: { minimum: 1 } })),
      'schema[0].properties[4].logicalTypeOptions.minimum',
    ],
    [
      'a negative length',
      changed(property({ logicalTypeOptions: { minLength: -1 } })),
      'schema[0].properties[4].logicalTypeOptions.minLength',
    ],
    [
      'an unknown format',
      changed(property({ logicalTypeOptions: { format: 'iban' } })),
      'schema[0].properties[4].logicalTypeOptions.format',
    ],
    [
      '128-bit integers',
      changed(property({ logicalType: 'integer', logicalTypeOptions: { format: 'i128' } })),
      'schema[0].properties[4].logicalTypeOptions.format',
    ],
    [
      'a pattern that takes more than linear time',
      changed(property({ logicalTypeOptions: { pattern: '^(?=a+$)a' } })),
      'schema[0].properties[4].logicalTypeOptions.pattern',
    ],
    [
      'a fractional divisor',
      changed(property({ logicalType: 'number', logicalTypeOptions: { multipleOf: 0.01 } })),
      'schema[0].properties[4].logicalTypeOptions.multipleOf',
    ],
    [
      'a bound that is no date',
      changed(property({ logicalType: 'date', logicalTypeOptions: { minimum: '2013-02-30' } })),
      'schema[0].properties[4].logicalTypeOptions.minimum',
    ],
    [
      'another date format',
      changed(property({ logicalType: 'date', logicalTypeOptions: { format: 'dd.MM.yyyy' } })),
      'schema[0].properties[4].logicalTypeOptions.format',
    ],
    [
      'timestamps without zone',
      changed(property({ logicalType: 'timestamp', logicalTypeOptions: { timezone: false } })),
      'schema[0].properties[4].logicalTypeOptions.timezone',
    ],
    [
      'decimals longer than a double',
      changed(property({ logicalType: 'number', physicalType: 'decimal(38,9)' })),
      'schema[0].properties[4].physicalType',
    ],
    [
      'unquoted values',
      changed(property({ quality: [{ metric: 'invalidValues', mustBe: 0, arguments: { validValues: ['a', 7] } }] })),
      'schema[0].properties[4].quality[0].arguments.validValues[1]',
    ],
    [
      'an unknown metric',
      changed(property({ quality: [{ type: 'library', metric: 'entropy' }] })),
      'schema[0].properties[4].quality[0].metric',
    ],
    [
      'an unknown key of a rule',
      changed(property({ quality: [{ metric: 'nullValues', must_be: 0 }] })),
      'schema[0].properties[4].quality[0].must_be',
    ],
    [
      'required names that are no fields',
      changed(property({ logicalType: 'object', logicalTypeOptions: { required: ['q'] } })),
      'schema[0].properties[4].logicalTypeOptions.required',
    ],
    ['no event types', changed((root) => void delete root.customProperties), 'customProperties'],
    ['a misspelt addition', changed(custom('event_types', ['a'])), 'customProperties[1].property'],
    ['an addition given twice', changed(custom('eventTypes', ['a'])), 'customProperties[1].property'],
    ['an unknown strategy', changed(custom('dedupe', { strategy: 'hash' })), 'customProperties[1].value.strategy'],
    ['an unknown key of dedupe', changed(custom('dedupe', { window: 3 })), 'customProperties[1].value.window'],
    ['an endless window', changed(custom('dedupe', { windowDays: 0 })), 'customProperties[1].value.windowDays'],
    [
      'keys without a business key',
      changed(custom('dedupe', { keys: ['$.payload.order_id'] })),
      'customProperties[1].value.keys',
    ],
    [
      'a key that may be missing',
      changed(custom('dedupe', { strategy: 'business_key', keys: ['$.payload.buyer.id'] })),
      'customProperties[1].value.keys[0]',
    ],
    [
      'a key that is no field',
      changed(custom('dedupe', { strategy: 'business_key', keys: ['order_id'] })),
      'customProperties[1].value.keys[0]',
    ],
    ['a subject that is no text', changed(custom('subject', '$.payload.total')), 'customProperties[1].value'],
    ['an event time that is none', changed(custom('eventTime', '$.payload.order_id')), 'customProperties[1].value'],
    ["Millrace's own table", changed(custom('table', 'clean.events')), 'customProperties[1].value'],
    ['a table of another zone', changed(custom('table', 'mart.orders')), 'customProperties[1].value'],
    ['a lateness without unit', changed(custom('lateness', 72)), 'customProperties[1].value'],
    [
      'no field but restricted ones',
      changed((_r, list) => void list.splice(0, 4, { name: 'x', logicalType: 'string', classification: 'Restricted' })),
      'schema[0].properties',
    ],
    ['a list for a mapping', '- a', ''],
    ['broken YAML', 'a: [', ''],
    ['duplicate YAML keys', 'id: a\nid: b', ''],
  ])('refuses %s and says where', (_what, yaml, path) => {
    const problems = problemsOf(yaml);
    expect(problems.map((problem) => problem.path)).toContain(path);
    expect(problems.every(({ rule }) => rule.length > 10)).toBe(true);
  });

  it('does not unfold YAML aliases without end', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]`,
    );
    expect(problemsOf(['l0: &l0 [x]', ...levels].join('\n'))[0].rule).toContain('is not YAML');
  });

  it('reports all problems at once, in words', () => {
    const yaml = changed((root, list) => {
      root.kind = 'Contract';
      root.owner = 'me';
      list[1].logicalType = 'float';
    });
    expect(() => loadContract(yaml)).toThrow(
      [
        'owner: is not a key of a contract in ODCS 3.1; additions belong to customProperties',
        'kind: must be one of DataContract',
        'schema[0].properties[1].logicalType: must be one of string, date, timestamp, time, number, integer, object, array, boolean',
      ].join('\n'),
    );
  });
});

describe('readCatalogDir', () => {
  it('loads every bundled contract', () => {
    const catalog = readCatalogDir();
    expect(catalog.map(({ file }) => file)).toContain('shipment_status_changed.odcs.yaml');
    for (const { file, contract, yaml } of catalog) {
      expect(`${contract.name}.odcs.yaml`).toBe(file);
      expect(loadContract(yaml)).toEqual(contract);
    }
  });
});
