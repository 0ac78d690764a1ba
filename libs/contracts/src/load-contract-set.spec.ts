import { contractIndexPath, contractVersionPath, encodeContractIndex, loadContractSet, readPublished } from './index';

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
  reads = 0;

  get(path: string): Promise<Buffer> {
    this.reads++;
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
  expect(files.reads).toBe(2);
  files.publish(2, { a: { type: 'a.done' }, b: { type: 'b.done', text: yaml('b', 'b.done') } });
  expect((await readPublished(files, 2, known)).contracts[0]).toBe(contracts[0]);
  expect(files.reads).toBe(4);
  const away = { get: () => Promise.reject(new Error('storage is away')) };
  await expect(readPublished(away, 2)).rejects.toThrow('away');
});

test('before anything is published there is no set', async () => {
  expect(await loadContractSet(new Files())).toBeNull();
});
