import { KeyError } from '@millrace/privacy';
import { createMemoryMasterKeys } from '@millrace/privacy/memory';
import { systemRandom } from '@millrace/observability';
import type { KeyStore } from '../key-store';
import { loadLakeKeys } from '../lake-keys';
import type { Subject } from '../subject';
import { SubjectKeyView } from '../subject-keys';

export interface KeyStoreUnderTest {
  readonly store: KeyStore;
  keysEpoch(): Promise<number>;
  close(): Promise<void>;
}

const subject = (value: string, tenant = 'default', kind = 'driver'): Subject => ({ tenant, kind, value });

/** Runs the key store's promises against an engine. */
export function keyStoreConformance(name: string, make: () => Promise<KeyStoreUnderTest>): void {
  describe(`key store: ${name}`, () => {
    const master = createMemoryMasterKeys(systemRandom);
    let under: KeyStoreUnderTest;
    /** As one worker has them, with nothing remembered. */
    const view = async (keysMax = 1_000): Promise<SubjectKeyView> =>
      new SubjectKeyView(0, under.store, await loadLakeKeys(under.store, master, systemRandom), systemRandom, keysMax);
    const keyOf = async (whom: Subject): Promise<string> => {
      const [key] = [...(await (await view()).ensure([whom])).values()];
      return `${key.id} ${key.seal.key.toString('hex')} ${key.tokens.mac.toString('hex')}`;
    };
    const lookupOf = async (whom: Subject): Promise<string> =>
      (await loadLakeKeys(under.store, master, systemRandom)).lookup(whom);

    beforeEach(async () => void (under = await make()));
    afterEach(() => under.close());

    test('workers that make the same keys at once share them', async () => {
      const workers = await Promise.all(Array.from({ length: 6 }, () => view()));
      const some = Array.from({ length: 200 }, (_, n) => subject(`d${n}`));
      const found = await Promise.all(
        workers.map((worker, n) => worker.ensure(n % 2 === 0 ? some : [...some].reverse())),
      );
      const seen = found.map((keys) =>
        [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([who, { seal }]) => [who, seal]),
      );
      for (const each of seen) expect(each).toEqual(seen[0]);
      expect(new Set(seen[0].map(([, seal]) => JSON.stringify(seal))).size).toBe(200);
    });

    test('a subject keeps its key, and shares it with no other: not of another tenant, nor of another kind', async () => {
      const first = await keyOf(subject('x'));
      expect(await keyOf(subject('x'))).toBe(first);
      const others = [subject('y'), subject('x', 'other'), subject('x', 'default', 'customer')];
      const keys = [first, ...(await Promise.all(others.map(keyOf)))];
      expect(new Set(keys).size).toBe(4);
    });

    test('a destroyed key is never found again, and its subject gets a new one', async () => {
      const whom = subject('x');
      const before = await keyOf(whom);
      const other = await keyOf(subject('y'));
      const id = Number(before.split(' ')[0]);
      const epoch = await under.keysEpoch();
      expect(await under.store.destroy([await lookupOf(whom)], 'e1')).toEqual([id]);
      expect(await under.keysEpoch()).toBe(epoch + 1);
      expect(await under.store.find([await lookupOf(whom)])).toEqual([]);
      expect(await under.store.byIds([id])).toEqual([]);
      expect(await under.store.destroyed([id, id + 1_000])).toEqual(new Set([id]));
      const after = await keyOf(whom);
      expect(after).not.toBe(before);
      expect(after.split(' ')[0]).not.toBe(String(id));
      expect(await keyOf(subject('y'))).toBe(other);
    });

    test('destroying what has no key moves the epoch on all the same', async () => {
      const epoch = await under.keysEpoch();
      expect(await under.store.destroy(['00'.repeat(32)], 'e1')).toEqual([]);
      expect(await under.keysEpoch()).toBe(epoch + 1);
    });

    test('the lake has one first key of each purpose, whoever makes it', async () => {
      const all = await Promise.all(Array.from({ length: 5 }, () => loadLakeKeys(under.store, master, systemRandom)));
      expect(new Set(all.map((lake) => lake.lookup(subject('x')))).size).toBe(1);
      expect(await under.store.lakeKeys()).toHaveLength(3);
      const tokens = new Set(all.map((lake) => lake.tokens('default').mac.toString('hex')));
      expect(tokens.size).toBe(1);
      expect(all[0].tokens('other').mac.toString('hex')).not.toBe([...tokens][0]);
    });

    test('keys of the lake are of no use without their master key', async () => {
      await loadLakeKeys(under.store, master, systemRandom);
      const stranger = createMemoryMasterKeys(systemRandom);
      await expect(loadLakeKeys(under.store, stranger, systemRandom)).rejects.toThrow(KeyError);
    });

    test('a view holds a bounded number of keys, those used lately among them', async () => {
      const bounded = await view(100);
      await bounded.ensure([subject('often')]);
      for (let n = 0; n < 40; n++) {
        await bounded.ensure(Array.from({ length: 10 }, (_, i) => subject(`d${n}-${i}`)));
        expect(bounded.get(subject('often'))).toBeDefined();
        expect(bounded.size).toBeLessThanOrEqual(100);
      }
      expect(bounded.get(subject('d0-0'))).toBeUndefined();
    });
  });
}
