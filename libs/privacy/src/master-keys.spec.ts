import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemRandom } from '@millrace/observability';
import { createFileMasterKeys } from './filesystem';
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
    rotate: async () => {
      const content = JSON.parse(await readFile(file, 'utf8'));
      content.keys.next = systemRandom.bytes(32).toString('base64');
      await writeFile(file, JSON.stringify({ ...content, current: 'next' }));
    },
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
