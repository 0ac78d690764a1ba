import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { storageConformance } from '../testing';
import { createFilesystemStorage } from '.';

const temporary = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'millrace-storage-'));

storageConformance('filesystem', async () => {
  const folder = await temporary();
  const root = path.join(folder, 'made', 'at', 'first', 'use');
  return {
    storage: createFilesystemStorage({ root }),
    other: createFilesystemStorage({ root }),
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
});

describe('filesystem storage', () => {
  let folder: string;
  beforeEach(async () => void (folder = await temporary()));
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('follows no symbolic link below its root', async () => {
    const root = path.join(folder, 'root');
    const storage = createFilesystemStorage({ root });
    await storage.createIfAbsent('in/side', Buffer.from('mine'));
    await mkdir(path.join(folder, 'outside'));
    await writeFile(path.join(folder, 'outside', 'secret'), 'theirs');
    await symlink(path.join(folder, 'outside'), path.join(root, 'out'));
    await symlink(path.join(folder, 'outside', 'secret'), path.join(root, 'file'));
    const refused = { code: 'STORAGE_BAD_PATH' };
    for (const at of ['out/secret', 'file']) {
      await expect(storage.get(at)).rejects.toMatchObject(refused);
      await expect(storage.stat(at)).rejects.toMatchObject(refused);
      await expect(storage.localPath(at)).rejects.toMatchObject(refused);
      await expect(storage.delete(at)).rejects.toMatchObject(refused);
    }
    await expect(storage.createIfAbsent('out/new', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(storage.put('out/deep/new', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(storage.createIfAbsent('file', Buffer.from('x'))).rejects.toMatchObject(refused);
    expect(await readdir(path.join(folder, 'outside'))).toEqual(['secret']);
    const listed: string[] = [];
    for await (const info of storage.list('')) listed.push(info.path);
    expect(listed).toEqual(['in/side']);
  });

  it('notices a folder that became a link after it was used', async () => {
    const root = path.join(folder, 'root');
    const storage = createFilesystemStorage({ root });
    await storage.createIfAbsent('day/a', Buffer.from('x'));
    await rm(path.join(root, 'day'), { recursive: true });
    await mkdir(path.join(folder, 'outside'));
    await symlink(path.join(folder, 'outside'), path.join(root, 'day'));
    await expect(storage.createIfAbsent('day/b', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORAGE_BAD_PATH' });
    expect(await readdir(path.join(folder, 'outside'))).toEqual([]);
  });

  it('makes a folder again that was removed behind its back', async () => {
    const storage = createFilesystemStorage({ root: folder });
    await storage.createIfAbsent('day/hour/a', Buffer.from('x'));
    await rm(path.join(folder, 'day'), { recursive: true });
    await storage.createIfAbsent('day/hour/b', Buffer.from('y'));
    expect(String(await storage.get('day/hour/b'))).toBe('y');
  });

  it('removes unfinished files of a crash after their age, and none that are in work', async () => {
    const now = Date.now();
    const staging = path.join(folder, '.staging');
    await mkdir(path.join(staging, 'old-folder'), { recursive: true });
    for (const name of ['old', 'young', 'old-folder/part']) await writeFile(path.join(staging, name), 'half');
    await mkdir(path.join(staging, 'busy-folder'));
    await writeFile(path.join(staging, 'busy-folder', 'part'), 'growing');
    const old = new Date(now - 7 * 3_600_000);
    for (const name of ['old', 'old-folder/part', 'old-folder', 'busy-folder'])
      await utimes(path.join(staging, name), old, old);

    const storage = createFilesystemStorage({ root: folder, now: () => now });
    expect(await storage.sweep()).toBe(2);
    expect((await readdir(staging)).sort()).toEqual(['busy-folder', 'young']);
  });

  it('sweeps by itself at the first write', async () => {
    const staging = path.join(folder, '.staging');
    await mkdir(staging);
    await writeFile(path.join(staging, 'old'), 'half');
    await utimes(path.join(staging, 'old'), new Date(0), new Date(0));
    const storage = createFilesystemStorage({ root: folder });
    await storage.createIfAbsent('a', Buffer.from('x'));
    for (let i = 0; i < 100 && (await readdir(staging)).length > 0; i++) await storage.put('b', Buffer.from('x'));
    expect(await readdir(staging)).toEqual([]);
  });

  it('leaves no temporary file after writes that succeeded or lost', async () => {
    const storage = createFilesystemStorage({ root: folder });
    await Promise.allSettled(Array.from({ length: 20 }, () => storage.createIfAbsent('one', Buffer.alloc(1_000))));
    await storage.put('two', Buffer.alloc(10));
    expect(await readdir(path.join(folder, '.staging'))).toEqual([]);
  });

  it('refuses an object below an object', async () => {
    const storage = createFilesystemStorage({ root: folder });
    await storage.createIfAbsent('a', Buffer.from('x'));
    await storage.createIfAbsent('b/c', Buffer.from('x'));
    const refused = { code: 'STORAGE_BAD_PATH' };
    await expect(storage.createIfAbsent('a/b', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(storage.createIfAbsent('b', Buffer.from('x'))).rejects.toMatchObject(refused);
    await expect(storage.put('b', Buffer.from('x'))).rejects.toMatchObject(refused);
  });
});
