import {
  contractIndexPath,
  contractParsedPath,
  contractVersionPath,
  encodeContractIndex,
  encodeParsedContract,
  loadContractSet,
  readCatalogDir,
  readPublished,
} from './index';

const yaml = (name: string, type: string, table = name): string => `
apiVersion: v3.1.0
kind: DataContract
id: ${name}
name: ${name}
version: 1.0.0
status: active
schema: [{ name: s, physicalName: ${table}, properties: [{ name: a, logicalType: string }] }]
customProperties: [{ property: eventTypes, value: [${type}] }]
`;

/** Storage of a handful of files. */
class Files {
  readonly files = new Map<string, string>();
  readonly read: string[] = [];

  get(path: string): Promise<Buffer> {
    this.read.push(path);
    const text = this.files.get(path);
    if (text === undefined) return Promise.reject(Object.assign(new Error('absent'), { code: 'STORAGE_NOT_FOUND' }));
    return Promise.resolve(Buffer.from(text));
  }

  async *list(prefix: string, { startAfter = '' } = {}): AsyncIterable<{ path: string }> {
    for (const path of [...this.files.keys()].sort()) if (path.startsWith(prefix) && path > startAfter) yield { path };
  }

  publish(index: number, contracts: Record<string, { type: string; text?: string }>): void {
    const entries = Object.entries(contracts).map(([name, { type }]) => ({
      ...{ name, version: '1.0.0', eventTypes: [type] },
    }));
    for (const [name, { text }] of Object.entries(contracts))
      if (text !== undefined) this.files.set(contractVersionPath(name, '1.0.0'), text);
    this.files.set(contractIndexPath(index), encodeContractIndex(index, entries).toString());
  }
}

test.each([
  ['is absent', undefined, 'is not in storage'],
  ['is no contract', 'kind: DataContract', 'cannot be used'],
  ['is of another contract', yaml('c', 'b.done'), 'is of c 1.0.0'],
])('a contract whose file %s is unavailable, and the others are not', async (_what, text, why) => {
  const files = new Files();
  files.publish(1, { a: { type: 'a.done', text: yaml('a', 'a.done') }, b: { type: 'b.done', text } });
  const set = await loadContractSet(files);
  expect(set?.byEventType('a.done')?.name).toBe('a');
  expect(set?.unavailableFor('b.done')).toMatchObject({ name: 'b', why: expect.stringContaining(why) });
  expect(['a.done', 'c.done'].map((type) => set?.unavailableFor(type))).toEqual([undefined, undefined]);

  // Mended: the same index is read again, until all of it can be used.
  files.files.set(contractVersionPath('b', '1.0.0'), yaml('b', 'b.done'));
  const mended = await loadContractSet(files, { known: set });
  expect([mended?.byEventType('b.done')?.name, mended?.unavailable]).toEqual(['b', []]);
  expect(await loadContractSet(files, { known: mended })).toBe(mended);
});

test('of contracts that claim the same nobody decides', async () => {
  const files = new Files();
  files.publish(1, {
    a: { type: 'a.done', text: yaml('a', 'a.done') },
    b: { type: 'b.done', text: yaml('b', 'b.done') },
    c: { type: 'c.done', text: yaml('c', 'c.done', 'a') },
  });
  const set = await loadContractSet(files);
  expect(set?.contracts.map(({ name }) => name)).toEqual(['b']);
  const why = 'a@1.0.0 and c@1.0.0 both claim the table "clean.a"';
  expect(['a.done', 'c.done', 'd.done'].map((type) => set?.unavailableFor(type)?.why)).toEqual([why, why, undefined]);
});

test('what was compiled before is not read again, and an outage of storage is no absence', async () => {
  const files = new Files();
  files.publish(1, { a: { type: 'a.done', text: yaml('a', 'a.done') } });
  const known = new Map();
  const { contracts } = await readPublished(files, 1, known);
  expect(files.read).toEqual([
    contractIndexPath(1),
    contractParsedPath('a', '1.0.0'),
    contractVersionPath('a', '1.0.0'),
  ]);
  files.publish(2, { a: { type: 'a.done' }, b: { type: 'b.done', text: yaml('b', 'b.done') } });
  expect((await readPublished(files, 2, known)).contracts[0]).toBe(contracts[0]);
  expect(files.read.splice(0).slice(3)).toEqual([
    ...[contractIndexPath(2), contractParsedPath('b', '1.0.0'), contractVersionPath('b', '1.0.0')],
  ]);
  const away = { get: () => Promise.reject(new Error('storage is away')) };
  await expect(readPublished(away, 2)).rejects.toThrow('away');
});

test('before anything is published there is no set', async () => {
  expect(await loadContractSet(new Files())).toBeNull();
});

test('a version that was parsed when it was published is read without its text, and is the same contract', async () => {
  const [{ yaml: text, contract }] = readCatalogDir();
  const files = new Files();
  files.publish(1, { [contract.name]: { type: contract.eventTypes[0], text } });
  const fromText = (await readPublished(files, 1)).contracts[0];
  files.files.set(contractParsedPath(contract.name, '1.0.0'), encodeParsedContract(text)?.toString() ?? '');
  files.read.length = 0;
  const parsed = (await readPublished(files, 1)).contracts[0];
  expect(files.read).toEqual([contractIndexPath(1), contractParsedPath(contract.name, '1.0.0')]);
  expect(parsed).toMatchObject({ label: fromText.label, schemaHash: fromText.schemaHash });
  expect(parsed.compiled).not.toBe(fromText.compiled);
  expect(parsed.compiled.contract).toEqual(fromText.compiled.contract);
});

test.each([
  ['damaged', '{"format":1,"sha'],
  ['of another release', '{"format":2,"sha256":"x","text":""}'],
  ['not a contract to this release', JSON.stringify({ format: 1, sha256: '0'.repeat(64), document: { kind: 'x' } })],
])('where the parsed form is %s the text decides', async (_what, bytes) => {
  const files = new Files();
  files.publish(1, { a: { type: 'a.done', text: yaml('a', 'a.done') } });
  files.files.set(contractParsedPath('a', '1.0.0'), bytes);
  expect((await readPublished(files, 1)).contracts.map(({ label }) => label)).toEqual(['a@1.0.0']);
});

test('what JSON cannot hold has no parsed form', () => {
  const text = yaml('a', 'a.done').replace('[a.done] }]', '[a.done] }]\ntags: [.inf]');
  expect(encodeParsedContract(text)).toBeNull();
});

test('contracts that stay are not read again for the next index', async () => {
  const files = new Files();
  files.publish(1, { a: { type: 'a.done', text: yaml('a', 'a.done') } });
  const known = await loadContractSet(files);
  files.publish(2, { a: { type: 'a.done' }, b: { type: 'b.done', text: yaml('b', 'b.done') } });
  files.read.length = 0;
  const next = await loadContractSet(files, { known });
  expect(next?.byName('a')).toBe(known?.byName('a'));
  expect(files.read.filter((path) => path.includes('/a/'))).toEqual([]);
});
