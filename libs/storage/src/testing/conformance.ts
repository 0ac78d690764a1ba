import { randomBytes } from 'node:crypto';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compareUtf8 } from '../path-rules';
import type { Storage, StorageErrorCode } from '../port';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** Another client of the same objects, where the engine can have one. */
  readonly other?: Storage;
  dispose(): Promise<void>;
}

const text = (value: string): Buffer => Buffer.from(value);

/** What every engine of the storage port must pass. `make` gives an empty storage. */
export function storageConformance(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`storage conformance: ${name}`, () => {
    let under: StorageUnderTest;
    let storage: Storage;
    beforeEach(async () => {
      under = await make();
      storage = under.storage;
    });
    afterEach(() => under.dispose());

    const rejects = async (promise: Promise<unknown>, code: StorageErrorCode): Promise<void> => {
      await expect(promise).rejects.toMatchObject({ name: 'StorageError', code });
    };
    const paths = async (prefix: string, startAfter?: string): Promise<string[]> => {
      const found: string[] = [];
      for await (const info of storage.list(prefix, { startAfter })) found.push(info.path);
      return found;
    };
    const drain = async (stream: AsyncIterable<unknown>): Promise<Buffer> => {
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part as Buffer);
      return Buffer.concat(parts);
    };

    it('gives back what was created', async () => {
      const bytes = randomBytes(3_000_000);
      await storage.createIfAbsent('deep/er/object.bin', bytes);
      expect((await storage.get('deep/er/object.bin')).equals(bytes)).toBe(true);
      expect((await drain(storage.read('deep/er/object.bin'))).equals(bytes)).toBe(true);
      expect(await storage.stat('deep/er/object.bin')).toMatchObject({ path: 'deep/er/object.bin', bytes: 3_000_000 });
      await storage.createIfAbsent('empty', Buffer.alloc(0));
      expect((await storage.get('empty')).length).toBe(0);
    });

    it('reads half-open ranges', async () => {
      await storage.createIfAbsent('digits', text('0123456789'));
      expect(String(await drain(storage.read('digits', { start: 3 })))).toBe('3456789');
      expect(String(await drain(storage.read('digits', { start: 3, end: 5 })))).toBe('34');
      expect(String(await drain(storage.read('digits', { start: 8, end: 500 })))).toBe('89');
      expect(String(await drain(storage.read('digits', { start: 4, end: 4 })))).toBe('');
    });

    it('says when an object is absent', async () => {
      await rejects(storage.get('absent'), 'STORAGE_NOT_FOUND');
      await rejects(storage.get('absent/below'), 'STORAGE_NOT_FOUND');
      await rejects(storage.localPath('absent'), 'STORAGE_NOT_FOUND');
      await rejects(drain(storage.read('absent')), 'STORAGE_NOT_FOUND');
      expect(await storage.stat('absent')).toBeNull();
      await storage.createIfAbsent('folder/object', text('x'));
      await rejects(storage.get('folder'), 'STORAGE_NOT_FOUND');
      expect(await storage.stat('folder')).toBeNull();
      await rejects(storage.get('folder/object/below'), 'STORAGE_NOT_FOUND');
    });

    it('never overwrites by createIfAbsent', async () => {
      await storage.createIfAbsent('a', text('first'));
      await rejects(storage.createIfAbsent('a', text('second')), 'STORAGE_EXISTS');
      expect(String(await storage.get('a'))).toBe('first');
    });

    it('lets exactly one of twenty concurrent creators win', async () => {
      const clients = [storage, under.other ?? storage];
      for (let round = 0; round < 10; round++) {
        const at = `race/${round}`;
        const bodies = Array.from({ length: 20 }, (_, i) => Buffer.alloc(20_000 + i, i));
        const ends = await Promise.allSettled(bodies.map((b, i) => clients[i % 2].createIfAbsent(at, b)));
        const winners = ends.flatMap((e, i) => (e.status === 'fulfilled' ? [i] : []));
        expect(winners).toHaveLength(1);
        for (const e of ends) if (e.status === 'rejected') expect(e.reason).toMatchObject({ code: 'STORAGE_EXISTS' });
        expect((await storage.get(at)).equals(bodies[winners[0]])).toBe(true);
      }
    });

    it('overwrites by put, and readers see one content or the other', async () => {
      const contents = ['a', 'b'].map((c) => Buffer.alloc(400_000, c));
      await storage.put('hint', contents[0]);
      let writing = true;
      const writer = (async () => {
        for (let i = 1; i <= 30; i++) await storage.put('hint', contents[i % 2]);
        writing = false;
      })();
      let reads = 0;
      while (writing) {
        const seen = await (under.other ?? storage).get('hint');
        expect(contents.some((c) => c.equals(seen))).toBe(true);
        reads++;
      }
      await writer;
      expect(reads).toBeGreaterThan(0);
      expect((await storage.get('hint')).equals(contents[0])).toBe(true);
    });

    it('deletes, also what is absent', async () => {
      await storage.createIfAbsent('dir/a', text('1'));
      await storage.delete('dir/a');
      await storage.delete('dir/a');
      await storage.delete('dir');
      await storage.delete('never/was');
      expect(await storage.stat('dir/a')).toBeNull();
      await storage.createIfAbsent('dir/a', text('2'));
      expect(String(await storage.get('dir/a'))).toBe('2');
    });

    it('lists in UTF-8 byte order, by prefix and after a path', async () => {
      const all = ['a', 'a-b', 'a/', 'a/b', 'a/b/c', 'a0', 'ab', 'é', '\u{10348}', '\u{ffee}', 'z/1', 'z/10', 'z/2']
        .map((p) => (p === 'a' || p === 'a/' || p === 'a/b' ? `${p.replace(/\/$/, '')}.x` : p))
        .filter((p, i, list) => list.indexOf(p) === i);
      for (const p of all) await storage.createIfAbsent(p, text(p));
      const sorted = [...all].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      expect([...all].sort(compareUtf8)).toEqual(sorted);
      expect(await paths('')).toEqual(sorted);
      for (const prefix of ['a', 'a/', 'a/b', 'z/1', 'nothing', 'z/1/', 'a/b/c/d']) {
        expect(await paths(prefix)).toEqual(sorted.filter((p) => p.startsWith(prefix)));
      }
      for (const after of [...sorted, 'a/', 'a/b', 'a/b0', 'z', 'zz', 'z/1\u{10ffff}']) {
        expect(await paths('', after)).toEqual(sorted.filter((p) => compareUtf8(p, after) > 0));
      }
      expect(await paths('z/', 'z/1')).toEqual(['z/10', 'z/2']);
    });

    it('lists every object written before the listing began, with its size', async () => {
      const names = Array.from({ length: 300 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
      await Promise.all(names.map((n, i) => storage.createIfAbsent(n, Buffer.alloc(i))));
      const found: [string, number][] = [];
      for await (const info of storage.list('many/')) found.push([info.path, info.bytes]);
      expect(found).toEqual(names.map((n, i) => [n, i]));
    });

    it('tells when an object was written', async () => {
      const before = Date.now() - 2_000;
      await storage.createIfAbsent('timed', text('x'));
      const at = (await storage.stat('timed'))?.modifiedAt.getTime() ?? 0;
      expect(at).toBeGreaterThan(before);
      expect(at).toBeLessThan(Date.now() + 2_000);
    });

    it('hands out local files of objects', async () => {
      await storage.createIfAbsent('t/data.parquet', text('bytes'));
      const local = await storage.localPath('t/data.parquet');
      expect(path.isAbsolute(local)).toBe(true);
      expect(String(await readFile(local))).toBe('bytes');
      await storage.put('t/data.parquet', text('other'));
      expect(String(await readFile(await storage.localPath('t/data.parquet')))).toBe('other');
    });

    it('shows a staged object at publish and not before', async () => {
      const staged = await storage.stage('out/part-1.parquet');
      await writeFile(staged.localPath, 'whole');
      expect(path.extname(staged.localPath)).toBe('.parquet');
      expect(await storage.stat('out/part-1.parquet')).toBeNull();
      expect(await paths('')).toEqual([]);
      await staged.publish();
      expect(String(await storage.get('out/part-1.parquet'))).toBe('whole');
      await expect(stat(staged.localPath)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('publishes over nothing that exists', async () => {
      await storage.createIfAbsent('out/a', text('first'));
      const staged = await storage.stage('out/a');
      await writeFile(staged.localPath, 'second');
      await rejects(staged.publish(), 'STORAGE_EXISTS');
      await staged.discard();
      await staged.discard();
      expect(String(await storage.get('out/a'))).toBe('first');
      await expect(stat(staged.localPath)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('publishes the chosen files of a staged folder', async () => {
      const folder = await storage.stageFolder();
      const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
      await Promise.all(names.map((n) => writeFile(path.join(folder.localPath, n), `body of ${n}`)));
      const chosen = names
        .slice(1)
        .map((n) => ({ localPath: path.join(folder.localPath, n), path: `t/day=${n}/${n}.x` }));
      expect(await paths('')).toEqual([]);
      await folder.publish(chosen);
      await folder.discard();
      expect(await paths('')).toEqual(chosen.map((c) => c.path).sort(compareUtf8));
      expect(String(await storage.get('t/day=f7/f7.x'))).toBe('body of f7');
      await expect(stat(folder.localPath)).rejects.toMatchObject({ code: 'ENOENT' });
      const again = await storage.stageFolder();
      await writeFile(path.join(again.localPath, 'x'), 'other');
      await rejects(
        again.publish([{ localPath: path.join(again.localPath, 'x'), path: 't/day=f7/f7.x' }]),
        'STORAGE_EXISTS',
      );
      await again.discard();
      expect(String(await storage.get('t/day=f7/f7.x'))).toBe('body of f7');
    });

    it('refuses paths against the rules, everywhere', async () => {
      const bad = ['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a/./b', 'a\0b', 'a\\b', '\ud800'];
      bad.push(
        'x'.repeat(256),
        Array.from({ length: 6 }, () => 'y'.repeat(200)).join('/'),
        'é'.repeat(128),
        '.staging/a',
      );
      for (const p of bad) {
        await rejects(storage.createIfAbsent(p, text('x')), 'STORAGE_BAD_PATH');
        await rejects(storage.put(p, text('x')), 'STORAGE_BAD_PATH');
        await rejects(storage.get(p), 'STORAGE_BAD_PATH');
        await rejects(storage.stat(p), 'STORAGE_BAD_PATH');
        await rejects(storage.delete(p), 'STORAGE_BAD_PATH');
        await rejects(storage.localPath(p), 'STORAGE_BAD_PATH');
        await rejects(storage.stage(p), 'STORAGE_BAD_PATH');
        expect(() => storage.read(p)).toThrow(expect.objectContaining({ code: 'STORAGE_BAD_PATH' }));
      }
      for (const p of ['../', '/', 'a/../', 'a\0']) await rejects(paths(p), 'STORAGE_BAD_PATH');
      expect(await paths('')).toEqual([]);
    });

    it('keeps awkward names as they are', async () => {
      const names = [
        'p=a%2Fb/x',
        'with space',
        'quote\'"',
        'tab\there',
        'new\nline',
        '...',
        'é',
        'e\u0301',
        '{}[]*?#&+',
        '-rf',
        '\u{1f600}',
      ];
      for (const n of names) await storage.createIfAbsent(n, text(n));
      for (const n of names) expect(String(await storage.get(n))).toBe(n);
      expect(new Set(await paths(''))).toEqual(new Set(names));
    });

    it('tells the room left, or that there is no bound', async () => {
      const room = await storage.freeBytes();
      if (room === null) return;
      expect(room.free).toBeGreaterThan(0);
      expect(room.total).toBeGreaterThanOrEqual(room.free);
    });

    it('loses no object when a staged file is never published', async () => {
      const staged = await storage.stage('abandoned');
      await writeFile(staged.localPath, 'half');
      await rm(staged.localPath);
      await expect(staged.publish()).rejects.toThrow();
      expect(await storage.stat('abandoned')).toBeNull();
    });
  });
}
