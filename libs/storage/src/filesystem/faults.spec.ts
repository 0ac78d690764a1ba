import { createHash } from 'node:crypto';
import { chmod, chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Storage } from '../port';
import { spawnTypeScript } from '../testing';
import { createFilesystemStorage } from '.';
import { toStorageError } from './errors';

const CHILD = path.join(__dirname, 'writer.child.ts');

describe('filesystem storage under faults', () => {
  let root: string;
  beforeEach(async () => void (root = await mkdtemp(path.join(tmpdir(), 'millrace-faults-'))));
  afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 10 }));

  /** Names of all objects, each checked to be whole. */
  async function wholeObjects(storage: Storage): Promise<Set<string>> {
    const names = new Set<string>();
    for await (const { path: name } of storage.list('')) {
      const bytes = await storage.get(name);
      const digest = createHash('sha256').update(bytes.subarray(32)).digest();
      expect([name, digest.equals(bytes.subarray(0, 32))]).toEqual([name, true]);
      names.add(name);
    }
    return names;
  }

  it('shows no torn object and loses none that was confirmed when its process is killed', async () => {
    let left = 0;
    for (let round = 0; round < 5 || (left === 0 && round < 40); round++) {
      const child = spawnTypeScript(CHILD, [path.join(root, String(round)), '300000']);
      await child.line(20 + (round % 5) * 13);
      child.process.kill('SIGKILL');
      expect((await child.ended).signal).toBe('SIGKILL');

      const storage = createFilesystemStorage({ root: path.join(root, String(round)) });
      const names = await wholeObjects(storage);
      for (const confirmed of child.lines) expect(names).toContain(confirmed);
      left += (await readdir(path.join(root, String(round), '.staging'))).length;
      await storage.sweep(0);
      expect(await readdir(path.join(root, String(round), '.staging'))).toEqual([]);
      expect(await wholeObjects(storage)).toEqual(names);
    }
    // Else the children were never killed in the middle of anything.
    expect(left).toBeGreaterThan(0);
  });

  it('reports a full disk, shows nothing torn and leaves no debris', async () => {
    // A limit on the size of files stands in for a full disk: the write fails in the middle in the same way.
    const child = spawnTypeScript(CHILD, [root, '2000000'], { before: "trap '' XFSZ; ulimit -f 1000" });
    await child.ended;
    expect(child.lines.at(-1)).toMatch(/^failed (STORAGE_FULL|EFBIG)$/);
    const names = await wholeObjects(createFilesystemStorage({ root }));
    for (const confirmed of child.lines.slice(0, -1)) expect(names).toContain(confirmed);
  });

  it('reports a folder that it may not write to', async () => {
    await chmod(root, 0o755);
    const asRoot = process.getuid?.() === 0;
    if (!asRoot) await chmod(root, 0o555);
    else await chown(root, 0, 0);
    const child = spawnTypeScript(CHILD, [root, '1000'], asRoot ? { uid: 65534, gid: 65534 } : {});
    const end = await child.ended;
    expect([child.lines.at(-1), end.stderr]).toEqual(['failed STORAGE_READ_ONLY', '']);
    await chmod(root, 0o755);
  });

  it.each([
    ['ENOSPC', 'STORAGE_FULL', true],
    ['EDQUOT', 'STORAGE_FULL', true],
    ['EROFS', 'STORAGE_READ_ONLY', false],
    ['EACCES', 'STORAGE_READ_ONLY', false],
    ['EIO', 'STORAGE_UNAVAILABLE', true],
    ['EMFILE', 'STORAGE_UNAVAILABLE', true],
    ['ENAMETOOLONG', 'STORAGE_BAD_PATH', false],
  ])('translates %s in writing to %s', (errno, code, canRetry) => {
    const error = toStorageError(Object.assign(new Error(errno), { code: errno }), 'a/b', 'writing');
    expect(error).toMatchObject({ code, canRetry, path: 'a/b' });
  });
});
