import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createFilesystemStorage } from '.';

jest.mock('node:fs/promises', () => {
  const real = jest.requireActual<typeof import('node:fs/promises')>('node:fs/promises');
  return { ...real, mkdir: jest.fn(real.mkdir) };
});

const failure = (code: string): Error => Object.assign(new Error(code), { code });

describe('a folder for files on their way', () => {
  let root: string;
  beforeEach(async () => void (root = await mkdtemp(path.join(tmpdir(), 'millrace-staging-'))));
  afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 10 }));

  it('says that the disk is full when it is, in Node’s way of telling it', async () => {
    const storage = createFilesystemStorage({ root });
    await (await storage.stageFolder()).discard();
    // What Node 20 rejects with on a full ext4: the recursive kind looks for the folder that it could not make.
    jest
      .mocked(mkdir)
      .mockImplementationOnce((async (_folder: string, options?: { recursive?: boolean }) =>
        Promise.reject(failure(options?.recursive ? 'ENOENT' : 'ENOSPC'))) as unknown as typeof mkdir);
    await expect(storage.stageFolder()).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    await (await storage.stageFolder()).discard();
  });

  it('comes back when the folder of all of them was removed', async () => {
    const storage = createFilesystemStorage({ root });
    await storage.stageFolder();
    await rm(path.join(root, '.staging'), { recursive: true });
    await (await storage.stageFolder()).discard();
  });
});
