import { CatalogLog } from '@millrace/lakehouse/catalog';
import { createMemoryStorage } from '@millrace/storage/memory';
import { CATALOG_PREFIX, type Catalog, catalogPath } from '@millrace/topics';
import fc from 'fast-check';
import { type CatalogChange, CatalogWriter, merge } from './catalog-writer';

const change = (number: number, tables: Record<string, number>, builtTo?: Record<string, number>): CatalogChange => ({
  ...{ lineId: 'line', number, tables },
  ...(builtTo && { builtTo }),
});

function writers(n: number) {
  const storage = createMemoryStorage();
  const clock = { now: 1_000_000 };
  const make = (): CatalogWriter =>
    new CatalogWriter({ storage, now: () => clock.now, monotonicMs: () => clock.now, keepMs: 1_000 });
  return { storage, clock, made: Array.from({ length: n }, make), make };
}

const paths = async (storage: ReturnType<typeof createMemoryStorage>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { path } of storage.list(CATALOG_PREFIX)) found.push(path);
  return found;
};

test('writers that publish at once lose no change and leave no gap', async () => {
  const { storage, made } = writers(3);
  await Promise.all(made.flatMap((writer, w) => [1, 2, 3].map((i) => writer.publish(change(i, { [`t.${w}`]: i })))));
  expect(await paths(storage)).toEqual(Array.from({ length: 9 }, (_, i) => catalogPath(i + 1)));
  const newest = await made[0].refresh();
  expect(newest).toMatchObject({
    version: 9,
    number: 3,
    tables: { 't.0': { version: 3 }, 't.1': { version: 3 }, 't.2': { version: 3 } },
  });
});

test('numbers, versions and what marts say never fall, in whatever order changes come', () => {
  const id = fc.constantFrom('clean.a', 'clean.b', 'mart.c');
  const changes = fc.array(fc.record({ number: fc.nat(50), table: id, version: fc.nat(50), built: fc.nat(50) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(changes, (list) => {
      let catalog: Catalog | null = null;
      for (const { number, table, version, built } of list) {
        const next: Catalog = merge(catalog, change(number, { [table]: version }, { [table]: built }), 'now');
        expect(next.number).toBeGreaterThanOrEqual(catalog?.number ?? 0);
        for (const [name, known] of Object.entries(catalog?.tables ?? {})) {
          expect(next.tables[name].version).toBeGreaterThanOrEqual(known.version);
          expect(next.tables[name].builtTo ?? 0).toBeGreaterThanOrEqual(known.builtTo ?? 0);
        }
        catalog = next;
      }
    }),
  );
});

test('a change of another line is refused, and nothing is written', async () => {
  const { storage, made } = writers(1);
  await made[0].publish(change(1, {}));
  await expect(made[0].publish({ ...change(2, {}), lineId: 'other' })).rejects.toThrow(
    'the storage holds the lake of line line',
  );
  expect(await paths(storage)).toHaveLength(1);
});

test('superseded files are deleted once they are old, also those of an earlier process; the newest stays', async () => {
  const { storage, clock, made, make } = writers(1);
  for (let i = 1; i <= 5; i++) await made[0].publish(change(i, {}));
  clock.now += 2_000;
  await made[0].publish(change(6, {}));
  expect(await paths(storage)).toEqual([5, 6].map(catalogPath));

  const next = make();
  await next.adopt();
  clock.now = 8e15;
  await next.publish(change(7, {}));
  expect(await paths(storage)).toEqual([6, 7].map(catalogPath));
});

test('the next catalog is found without listing, and one that is far ahead with it', async () => {
  const { storage, clock, made } = writers(1);
  let listings = 0;
  const counting = {
    ...storage,
    list: (prefix: string, options?: { startAfter?: string }) => (listings++, storage.list(prefix, options)),
  };
  const log = new CatalogLog(counting, () => clock.now);
  expect(await log.refresh()).toBeNull();
  await made[0].publish(change(1, {}));
  expect((await log.refresh())?.version).toBe(1);
  listings = 0;
  for (let i = 2; i <= 10; i++) await made[0].publish(change(i, {}));
  expect((await log.refresh())?.version).toBe(10);
  expect(listings).toBe(0);

  // Its successors are pruned away while it looks elsewhere.
  for (let i = 11; i <= 30; i++) await made[0].publish(change(i, {}));
  for (let i = 1; i < 30; i++) await storage.delete(catalogPath(i));
  clock.now += 3_600_000;
  expect((await log.refresh())?.version).toBe(30);
});
