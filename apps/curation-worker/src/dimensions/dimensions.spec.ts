import fc from 'fast-check';
import { applyLoad, type LoadedRow, mergedEntries } from './apply-load';
import { decodeHistory, encodeHistory } from './history-file';
import { EMPTY_INDEX, VersionIndex } from './index-of-versions';
import { BEGINNING, encodeValues, type Version } from './model';

const at = (day: number): number => Date.UTC(2026, 0, day);
const iso = (ms: number): string => new Date(ms).toISOString();

const indexOf = (entries: Iterable<readonly [string, readonly Version[]]>): VersionIndex => {
  const builder = VersionIndex.builder();
  for (const [key, versions] of entries) builder.add(key, versions);
  return builder.done();
};
const row = (key: string, name: string | null, fromMs: number | null = null): LoadedRow => ({
  key,
  fromMs,
  values: name === null ? null : encodeValues([name]),
});
const valuesOf = (index: VersionIndex, key: string, ms: number): string | null => {
  const found = index.find(key, iso(ms));
  return found < 0 ? null : index.valuesAt(found);
};

async function load(
  before: VersionIndex,
  rows: LoadedRow[],
  options: { mode?: 'upsert' | 'snapshot'; effectiveMs?: number } = {},
) {
  const applied = await applyLoad(before, {
    mode: options.mode ?? 'upsert',
    effectiveMs: options.effectiveMs ?? at(10),
    rows,
  });
  return { ...applied, after: indexOf(mergedEntries(before, applied.changed)) };
}

describe('a dimension’s history', () => {
  it('knows a key that was never seen since the beginning, and its change from when it is effective', async () => {
    const first = await load(EMPTY_INDEX, [row('EWR', 'Newark')]);
    expect(first).toMatchObject({ added: 1, updated: 0, unchanged: 0 });
    expect(first.changes).toEqual([{ key: 'EWR', fromMs: BEGINNING, toMs: null, values: '["Newark"]' }]);
    const second = await load(first.after, [row('EWR', 'Newark Liberty')]);
    expect(second).toMatchObject({ added: 0, updated: 1 });
    expect(valuesOf(second.after, 'EWR', at(9))).toBe('["Newark"]');
    expect(valuesOf(second.after, 'EWR', at(10))).toBe('["Newark Liberty"]');
    expect(valuesOf(second.after, 'JFK', at(10))).toBeNull();
  });

  it('takes a correction of the past for exactly its time', async () => {
    const known = await load(EMPTY_INDEX, [row('A', 'one', at(1)), row('A', 'three', at(3))]);
    const { changes, after } = await load(known.after, [row('A', 'two', at(2))]);
    expect(changes).toEqual([{ key: 'A', fromMs: at(2), toMs: at(3), values: '["two"]' }]);
    expect([0, 1, 2, 3].map((day) => valuesOf(after, 'A', at(day)))).toEqual([null, '["one"]', '["two"]', '["three"]']);
    const replaced = await load(after, [row('A', 'TWO', at(2))]);
    expect(replaced.changes).toEqual([{ key: 'A', fromMs: at(2), toMs: at(3), values: '["TWO"]' }]);
    expect(replaced.after.versionsOf('A')).toHaveLength(3);
  });

  it('ends what a snapshot does not name, once, and what is named may come back', async () => {
    const known = await load(EMPTY_INDEX, [row('A', 'a'), row('B', 'b')]);
    const without = await load(known.after, [row('A', 'a')], { mode: 'snapshot' });
    expect(without).toMatchObject({ removed: 1, unchanged: 1 });
    expect(valuesOf(without.after, 'B', at(9))).toBe('["b"]');
    expect(valuesOf(without.after, 'B', at(10))).toBeNull();
    const again = await load(without.after, [row('A', 'a')], { mode: 'snapshot', effectiveMs: at(11) });
    expect(again).toMatchObject({ removed: 0, changes: [] });
    const back = await load(without.after, [row('B', 'b')], { effectiveMs: at(12) });
    expect([9, 11, 12].map((day) => valuesOf(back.after, 'B', at(day)))).toEqual(['["b"]', null, '["b"]']);
  });

  it('is the same after a file as before it, and after any loads what a plain model says', async () => {
    const text = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('', 'ü', '🚚', '\n', '"', 'a', 'b'));
    const rowArb = fc.record({
      key: fc.oneof(text, fc.constantFrom('a', 'b', 'c')).filter((key) => key.length > 0),
      fromMs: fc.constantFrom(null, at(1), at(2), at(3)),
      values: fc.option(text.map((name) => encodeValues([name, null]))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(rowArb, { maxLength: 12 }), { maxLength: 5 }), async (loads) => {
        let index = EMPTY_INDEX;
        const model = new Map<string, Map<number, string | null>>();
        for (const rows of loads) {
          const { after, changes } = await load(index, rows);
          for (const { key, fromMs, values } of changes)
            model.set(key, (model.get(key) ?? new Map<number, string | null>()).set(fromMs, values));
          index = after;
          const twice = await load(index, rows.slice(-1));
          expect(twice.changes).toEqual([]);
        }
        const header = { format: 1, tenant: 't', name: 'n', version: 1, keyColumn: 'k', attributes: [] } as const;
        const read = await decodeHistory(await encodeHistory(header, index.entries()));
        expect(read.header).toEqual(header);
        expect([...read.index.entries()]).toEqual([...index.entries()]);
        for (const [key, versions] of model)
          for (const ms of [at(0), at(1), at(2), at(3), at(11)]) {
            const before = [...versions].filter(([from]) => from <= ms).sort(([a], [b]) => b - a);
            expect(valuesOf(read.index, key, ms)).toBe(before.length > 0 ? before[0][1] : null);
          }
      }),
      { numRuns: 200 },
    );
  });
});
