import {
  compile,
  type CompiledContract,
  contractIndexOf,
  contractIndexPath,
  contractSet,
  contractVersionPath,
  decodeContractIndex,
  encodeContractIndex,
  loadContract,
  newestContractIndex,
} from './index';

const contract = (name: string, type: string, table = name): CompiledContract =>
  compile(
    loadContract(`
apiVersion: v3.1.0
kind: DataContract
id: ${name}
name: ${name}
version: 1.0.0
status: active
schema: [{ name: s, physicalName: ${table}, properties: [{ name: a, logicalType: string }] }]
customProperties: [{ property: eventTypes, value: [${type}] }]
`),
  );

describe('contractSet', () => {
  it('finds the contract of an event type', () => {
    const set = contractSet(3, [contract('a', 'a.done'), contract('b', 'b.done')]);
    expect(set.index).toBe(3);
    expect(set.byEventType('b.done')?.name).toBe('b');
    expect(set.byEventType('toString')).toBeUndefined();
    expect(set.byName('a')?.table).toBe('clean.a');
  });

  it.each([
    ['event type', contract('b', 'a.done')],
    ['table', contract('b', 'b.done', 'a')],
    ['name', contract('a', 'b.done', 'b')],
  ])('refuses two contracts of one %s', (what, other) => {
    expect(() => contractSet(1, [contract('a', 'a.done'), other])).toThrow(`both claim the ${what}`);
  });
});

describe('the contract index', () => {
  it('is read as it was written, and written alike whatever the order', () => {
    const entries = [
      { name: 'b', version: '1.0.0' },
      { name: 'a', version: '2.1.0' },
    ];
    const bytes = encodeContractIndex(7, entries);
    expect(encodeContractIndex(7, [...entries].reverse())).toEqual(bytes);
    expect(decodeContractIndex(bytes)).toEqual({
      index: 7,
      contracts: [
        { name: 'a', version: '2.1.0', path: 'contracts/versions/a/2.1.0.odcs.yaml' },
        { name: 'b', version: '1.0.0', path: contractVersionPath('b', '1.0.0') },
      ],
    });
  });

  it('sorts by number', () => {
    expect(contractIndexPath(12)).toBe('contracts/index/00000000000000000012.json');
    expect(contractIndexOf(contractIndexPath(12))).toBe(12);
    const paths = [9, 10, 2].map(contractIndexPath);
    expect(newestContractIndex([...paths, 'contracts/index/99.json', 'contracts/versions/a/1.odcs.yaml'])).toBe(10);
    expect(newestContractIndex([])).toBe(0);
  });

  it.each([
    ['null', 'index'],
    ['{"index":0,"contracts":[]}', 'index'],
    ['{"index":1}', 'contracts'],
    ['{"index":1,"contracts":[{"name":"a","version":"1"}]}', 'contracts[0].path'],
    ['{"index":1,"contracts":[null]}', 'contracts[0].name'],
    [
      '{"index":1,"contracts":[{"name":"a","version":"1","path":"p"},{"name":"a","version":"2","path":"q"}]}',
      'contracts[1].name',
    ],
  ])('refuses %s, naming the field', (text, field) => {
    expect(() => decodeContractIndex(Buffer.from(text))).toThrow(field);
  });
});
