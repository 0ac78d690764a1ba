import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemRandom } from '@millrace/observability';
import { createFileMasterKeys, rotateMasterKeys } from './filesystem';
import { createMemoryMasterKeys } from './memory';
import { masterKeysConformance } from './testing';

masterKeysConformance('memory', async () => {
  const master = createMemoryMasterKeys(systemRandom);
  return { master, again: () => master, rotate: async () => master.rotate(), close: async () => undefined };
});

const folderOf = (): Promise<string> => mkdtemp(path.join(os.tmpdir(), 'millrace-keys-'));

masterKeysConformance('a local file', async () => {
  const folder = await folderOf();
  const file = path.join(folder, 'below', 'master.json');
  return {
    master: createFileMasterKeys(file, systemRandom),
    again: () => createFileMasterKeys(file, systemRandom),
    rotate: async () => void (await rotateMasterKeys(file, systemRandom)),
    close: () => rm(folder, { recursive: true }),
  };
});

describe('a file of master keys', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await folderOf();
    file = path.join(folder, 'master.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is made once when many processes make it at once, and nobody else may read it', async () => {
    const key = Buffer.alloc(32, 7);
    const wrapped = await Promise.all(
      Array.from({ length: 20 }, () => createFileMasterKeys(file, systemRandom).wrap(key, 'a')),
    );
    expect(new Set(wrapped.map(({ by }) => by)).size).toBe(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const reader = createFileMasterKeys(file, systemRandom);
    for (const one of wrapped) expect(await reader.unwrap(one, 'a')).toEqual(key);
  });

  it('is rotated by one at a time, keeps every key, and stays readable by its owner only', async () => {
    const master = createFileMasterKeys(file, systemRandom);
    const first = await master.wrap(Buffer.alloc(32), 'a');
    const rotated = await Promise.allSettled(Array.from({ length: 5 }, () => rotateMasterKeys(file, systemRandom)));
    const names = rotated.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    expect(names.length).toBeGreaterThan(0);
    const { current, keys } = JSON.parse(await readFile(file, 'utf8'));
    expect(Object.keys(keys).sort()).toEqual([first.by, ...names].sort());
    expect(names).toContain(current);
    expect([(await stat(file)).mode & 0o777, await readdir(folder)]).toEqual([0o600, ['master.json']]);
    expect(await master.unwrap(first, 'a')).toEqual(Buffer.alloc(32));
  });

  it('that is absent or of no use is not rotated, and stays as it is', async () => {
    await expect(rotateMasterKeys(file, systemRandom)).rejects.toMatchObject({ code: 'KEY_MASTER_UNAVAILABLE' });
    await writeFile(file, '{', { mode: 0o600 });
    await expect(rotateMasterKeys(file, systemRandom)).rejects.toMatchObject({ code: 'KEY_MASTER_UNAVAILABLE' });
    expect(await readFile(file, 'utf8')).toBe('{');
  });

  it('is refused when others may read it', async () => {
    const master = createFileMasterKeys(file, systemRandom);
    await master.wrap(Buffer.alloc(32), 'a');
    await chmod(file, 0o644);
    await expect(master.wrap(Buffer.alloc(32), 'a')).rejects.toThrow('mode 0600');
  });

  it.each([
    ['no JSON', '{'],
    ['a key that is too short', '{"current":"a","keys":{"a":"AAAA"}}'],
    ['no current key', `{"current":"b","keys":{"a":"${Buffer.alloc(32).toString('base64')}"}}`],
  ])('is refused with %s', async (_, text) => {
    await writeFile(file, text, { mode: 0o600 });
    const refused = createFileMasterKeys(file, systemRandom).wrap(Buffer.alloc(32), 'a');
    await expect(refused).rejects.toMatchObject({ code: 'KEY_MASTER_UNAVAILABLE', canRetry: true });
  });
});
