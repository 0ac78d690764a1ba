import { compileText, contractIndexPath, contractVersionPath, encodeContractIndex } from '@millrace/contracts';
import { createMemoryStorage } from '@millrace/storage/memory';
import { readContracts } from './read-contracts';

const DAY_MS = 86_400_000;
const BEGAN_MS = Date.UTC(2026, 0, 1);
const yaml = (version: string, strategy: string, type = 'a.done'): string => `
apiVersion: v3.1.0
kind: DataContract
id: a
name: a
version: ${version}
status: active
schema: [{ name: s, physicalName: a, properties: [{ name: x, logicalType: string }] }]
customProperties:
  - { property: eventTypes, value: [${type}] }
  - { property: dedupe, value: { strategy: ${strategy}, windowDays: 10 } }
`;

/** Storage of an index a day, each with a version of one contract; notes what is read. */
function history() {
  const storage = createMemoryStorage();
  const reads: string[] = [];
  const written = new Map<string, Date>();
  const counted = {
    ...storage,
    get: (path: string) => {
      reads.push(path);
      return storage.get(path);
    },
    list: async function* (prefix: string, options?: { startAfter?: string }) {
      for await (const object of storage.list(prefix, options))
        yield { ...object, modifiedAt: written.get(object.path) ?? object.modifiedAt };
    },
  };
  let index = 0;
  const publish = async (text: string): Promise<void> => {
    const { version, eventTypes } = compileText(text);
    await storage.createIfAbsent(contractVersionPath('a', version), Buffer.from(text)).catch(() => undefined);
    const path = contractIndexPath(++index);
    await storage.createIfAbsent(path, encodeContractIndex(index, [{ name: 'a', version, eventTypes }]));
    written.set(path, new Date(BEGAN_MS + index * DAY_MS));
  };
  return { storage: counted, reads, publish };
}

test('of the ways before, each counts until its window after it was last replaced, however the index is reached', async () => {
  const versions = [
    yaml('1.0.0', 'event_id'),
    yaml('2.0.0', 'content'),
    yaml('3.0.0', 'event_id'),
    yaml('4.0.0', 'content'),
    yaml('5.0.0', 'content'),
  ];
  const { storage, reads, publish } = history();
  let stepwise: Awaited<ReturnType<typeof readContracts>> | undefined;
  for (const [i, text] of versions.entries()) {
    await publish(text);
    stepwise = await readContracts(storage, i + 1, stepwise);
  }
  // Each step has read its own index and version, and nothing of the time before.
  expect(new Set(reads).size).toBe(reads.length);
  const atOnce = await readContracts(storage, versions.length);
  for (const contracts of [stepwise, atOnce])
    expect(contracts?.formerDedupe('a.done')).toMatchObject([
      // Replaced for the last time by the fourth index.
      { dedupe: { strategy: 'event_id' }, untilMs: BEGAN_MS + (4 + 10) * DAY_MS },
    ]);
});

test('a type that had no contract was deduplicated by default, and one that has none any more is again', async () => {
  const { storage, publish } = history();
  await publish(yaml('1.0.0', 'content', 'a.done'));
  const first = await readContracts(storage, 1);
  expect(first.formerDedupe('b.done')).toEqual([]);
  await publish(yaml('2.0.0', 'content', 'b.done'));
  const second = await readContracts(storage, 2, first);
  expect(second.formerDedupe('a.done')).toMatchObject([{ dedupe: { strategy: 'content' } }]);
  expect(second.formerDedupe('b.done')).toMatchObject([{ dedupe: { strategy: 'event_id' } }]);
});
